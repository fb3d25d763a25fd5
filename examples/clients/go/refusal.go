package main

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A refusal is a call that ended in an error, with what the google.rpc.Status in its trailers says beside the code.
type refusal struct {
	code    codes.Code
	message string
	// A value of deed.v1.ErrorReason, such as REQUEST_INVALID. Empty when it was not Deed that made the error.
	reason string
	// Of the RetryInfo; nil without one.
	retryDelay *time.Duration
	// Violations of fields, preconditions and quotas, a line for each.
	violations []string
}

func readRefusal(err error) refusal {
	// grpc-go decodes grpc-status-details-bin itself.
	from := status.Convert(err)
	result := refusal{code: from.Code(), message: from.Message()}
	add := func(kind, subject, description string) {
		result.violations = append(result.violations, fmt.Sprintf("%s %s: %s", kind, subject, description))
	}
	for _, detail := range from.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			result.reason = detail.GetReason()
		case *errdetails.RetryInfo:
			after := detail.GetRetryDelay()
			delay := time.Duration(after.GetSeconds())*time.Second + time.Duration(after.GetNanos())
			result.retryDelay = &delay
		case *errdetails.BadRequest:
			for _, each := range detail.GetFieldViolations() {
				add("field", each.GetField(), each.GetDescription())
			}
		case *errdetails.PreconditionFailure:
			for _, each := range detail.GetViolations() {
				add("precondition", each.GetSubject(), each.GetDescription())
			}
		case *errdetails.QuotaFailure:
			for _, each := range detail.GetViolations() {
				add("quota", each.GetSubject(), each.GetDescription())
			}
		}
	}
	return result
}

// mayBeRepeated says whether the same call, under the same key, may end otherwise. Deed sends RetryInfo with what it did not
// accept and with what goes on under its key; a server that cannot be reached sends nothing. A stored result has neither: it
// is final.
func (r refusal) mayBeRepeated() bool {
	return r.retryDelay != nil || r.code == codes.Unavailable
}

// mayGoOn says whether the work may go on: the call may be repeated, or it was only the caller's own wait that ended.
func (r refusal) mayGoOn() bool {
	return r.mayBeRepeated() || (r.code == codes.DeadlineExceeded && r.reason == "")
}

// title is `INVALID_ARGUMENT (REQUEST_INVALID)`.
func (r refusal) title() string {
	name := code.Code(r.code).String()
	if r.reason == "" {
		return name
	}
	return fmt.Sprintf("%s (%s)", name, r.reason)
}

func (r refusal) text(key string) string {
	lines := []string{fmt.Sprintf("%s: %s", r.title(), r.message)}
	lines = append(lines, r.violations...)
	if r.retryDelay != nil {
		lines = append(lines, "may be sent again after "+milliseconds(*r.retryDelay))
	}
	if r.mayGoOn() {
		lines = append(lines, fmt.Sprintf("if it was accepted, it goes on: the same call with --key %s gets its result", key))
	}
	return strings.Join(lines, "\n  ")
}
