package main

import (
	"context"
	"fmt"
	"math/rand"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	base    = 100 * time.Millisecond
	ceiling = 5 * time.Second
)

var random = rand.New(rand.NewSource(time.Now().UnixNano()))

// withRetries repeats what may end otherwise when it is repeated, until the deadline of the context. All attempts must send
// one key, so that they are one operation. Returns the last error.
func withRetries(ctx context.Context, attempt func() error, remark func(line string)) error {
	deadline, hasDeadline := ctx.Deadline()
	for failures := 1; ; failures++ {
		err := attempt()
		if err == nil {
			return nil
		}
		refusal := readRefusal(err)
		delay := delayAfter(refusal, failures)
		if !refusal.mayBeRepeated() || (hasDeadline && time.Until(deadline) <= delay) {
			return err
		}
		remark(fmt.Sprintf("attempt %d: %s; again in %s", failures, refusal.title(), milliseconds(delay)))
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return err
		}
	}
}

// delayAfter gives full jitter under a doubling ceiling, and not before the time that the server asks for.
func delayAfter(refusal refusal, failures int) time.Duration {
	limit := ceiling
	// More doublings than that are above the ceiling anyway.
	if failures <= 6 {
		limit = base << (failures - 1)
	}
	delay := time.Duration(random.Int63n(int64(limit)))
	if refusal.retryDelay != nil {
		delay += *refusal.retryDelay
	}
	return delay
}

// The retries that a channel itself makes, for programs that want no loop: at most five attempts, chosen by code alone. It
// does not read RetryInfo, so it may come back sooner than the server asks, and leaves RESOURCE_EXHAUSTED alone.
const channelRetries = `{
  "methodConfig": [{
    "name": [{"service": "shop.v1.MailService"}],
    "retryPolicy": {
      "maxAttempts": 5,
      "initialBackoff": "0.2s",
      "maxBackoff": "5s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
}`

// dialOptions has the channel try to connect again soon. Left to itself it comes to wait two minutes between two tries, and
// until the next one every call fails at once, however often it is repeated.
func dialOptions(retries bool) []grpc.DialOption {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
	}
	if retries {
		options = append(options, grpc.WithDefaultServiceConfig(channelRetries))
	}
	return options
}
