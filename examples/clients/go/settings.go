package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const secretFile = ".deed/admin.key"

var (
	keyForm    = regexp.MustCompile(`^[\x20-\x7e]{1,255}$`)
	secretForm = regexp.MustCompile(`^[\x21-\x7e]+$`)
)

type settings struct {
	// host:port
	address string
	// The API key.
	secret string
	text   string
	// The idempotency key.
	key            string
	deadline       time.Duration
	channelRetries bool
}

// readSettings reads the command line and the environment, where an empty variable counts as not set.
func readSettings() (settings, error) {
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	// A key for each logical call. Where the work has a name of its own, such as the id of the mail, take that.
	key := flags.String("key", newKey(), "")
	deadline := flags.String("deadline", "30", "")
	channelRetries := flags.Bool("channel-retries", false, "")
	if err := flags.Parse(os.Args[1:]); err != nil || flags.NArg() != 1 {
		return settings{}, errors.New("usage: client [--key KEY] [--deadline SECONDS] [--channel-retries] TEXT")
	}
	if !keyForm.MatchString(*key) {
		return settings{}, errors.New("--key must be 1 to 255 printable ASCII characters")
	}
	seconds, err := strconv.ParseFloat(*deadline, 64)
	if err != nil || !(seconds > 0 && seconds <= 86_400) {
		return settings{}, errors.New("--deadline must be a number of seconds, up to a day")
	}
	if !utf8.ValidString(flags.Arg(0)) {
		return settings{}, errors.New("the text must be UTF-8")
	}
	secret := os.Getenv("DEED_KEY")
	if secret == "" {
		bytes, err := os.ReadFile(secretFile)
		if err != nil {
			return settings{}, fmt.Errorf("no API key: set DEED_KEY, or run this where the server has made %s", secretFile)
		}
		secret = strings.TrimSpace(string(bytes))
	}
	if !secretForm.MatchString(secret) {
		return settings{}, errors.New("the API key must be printable ASCII characters")
	}
	address := os.Getenv("DEED_ADDRESS")
	if address == "" {
		address = "127.0.0.1:50051"
	}
	return settings{
		address:        address,
		secret:         secret,
		text:           flags.Arg(0),
		key:            *key,
		deadline:       time.Duration(seconds * float64(time.Second)),
		channelRetries: *channelRetries,
	}, nil
}

func newKey() string {
	bytes := make([]byte, 16)
	if _, err := rand.Read(bytes); err != nil {
		panic(err) // the system has no randomness
	}
	return hex.EncodeToString(bytes)
}
