// Has a mail read. Exit codes: 0 answered, 1 refused or failed, 2 wrong usage.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	shopv1 "mailclient/gen/shop/v1"
)

func main() {
	settings, err := readSettings()
	if err != nil {
		complain(err.Error())
		os.Exit(2)
	}
	if err := run(settings); err != nil {
		complain(err.Error())
		os.Exit(1)
	}
}

// run makes the call and prints the answer. The error says all there is to say.
func run(settings settings) error {
	connection, err := grpc.NewClient(settings.address, dialOptions(settings.channelRetries)...)
	if err != nil {
		return fmt.Errorf("cannot call %s: %w", settings.address, err)
	}
	defer connection.Close()
	client := shopv1.NewMailServiceClient(connection)

	// One deadline for all attempts: it bounds the wait, whatever happens.
	ctx, cancel := context.WithTimeout(context.Background(), settings.deadline)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx,
		"authorization", "Bearer "+settings.secret, "idempotency-key", settings.key)

	var response *shopv1.ReadMailResponse
	var trailers metadata.MD
	attempt := func() (err error) {
		response, err = client.ReadMail(ctx, &shopv1.ReadMailRequest{Text: settings.text}, grpc.Trailer(&trailers))
		return err
	}
	if settings.channelRetries {
		err = attempt()
	} else {
		err = withRetries(ctx, attempt, complain)
	}
	if err != nil {
		return fmt.Errorf("%s", readRefusal(err).text(settings.key))
	}
	printAnswer(response, trailers)
	return nil
}

func printAnswer(response *shopv1.ReadMailResponse, trailers metadata.MD) {
	trailer := func(name, otherwise string) string {
		if values := trailers.Get(name); len(values) > 0 {
			return values[0]
		}
		return otherwise
	}
	orderNumber := "none"
	if response.OrderNumber != nil {
		orderNumber = response.GetOrderNumber()
	}
	fmt.Printf("wish: %s\n", response.GetWish())
	fmt.Printf("order number: %s\n", orderNumber)
	fmt.Printf("operation: %s\n", trailer("deed-operation", "unknown"))
	fmt.Printf("contract version: %s\n", trailer("deed-contract-version", "unknown"))
	fmt.Printf("model: %s\n", trailer("deed-model", "unknown"))
	fmt.Printf("replayed: %s\n", trailer("deed-replayed", "false"))
}

func complain(line string) {
	fmt.Fprintln(os.Stderr, line)
}

// A time in whole milliseconds, as the lines for people have it.
func milliseconds(duration time.Duration) string {
	return fmt.Sprintf("%d ms", duration.Milliseconds())
}
