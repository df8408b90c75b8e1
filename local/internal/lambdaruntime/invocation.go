package lambdaruntime

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// invocation is one event on its way through a process.
type invocation struct {
	id       string // the request id, a UUID
	payload  []byte
	deadline time.Time   // set when a process is found
	answer   chan Result // buffered, written once
	stream   io.Writer   // takes a streamed response as it comes; nil: it is collected
}

func newInvocation(payload []byte) *invocation {
	return &invocation{id: newUUID(), payload: payload, answer: make(chan Result, 1)}
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40 // RFC 9562 §5.4: version 4
	b[8] = b[8]&0x3f | 0x80 // and §4.1: the variant
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// newTraceID returns the value of an X-Ray trace header that asks for no sampling.
func newTraceID(now time.Time) string {
	var b [20]byte
	rand.Read(b[:])
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", now.Unix(), b[:12], b[12:])
}

// functionError is the payload Lambda makes when the function could not make its own.
func functionError(errorType, message string) Result {
	body, err := json.Marshal(struct {
		Type    string `json:"errorType,omitempty"`
		Message string `json:"errorMessage"`
	}{errorType, message})
	if err != nil {
		panic("lambdaruntime: internal error: " + err.Error())
	}
	return Result{Payload: body, FunctionError: "Unhandled"}
}

// timeoutMessage is documented as "2019-06-17T21:38:00.193Z 11d2… Task timed out after 3.00 seconds".
func timeoutMessage(id string, now time.Time, after time.Duration) string {
	return fmt.Sprintf("%s %s Task timed out after %.2f seconds",
		now.UTC().Format("2006-01-02T15:04:05.000Z"), id, after.Seconds())
}

func exited(id string, err error) Result {
	how := "exit status 0"
	if err != nil {
		how = err.Error()
	}
	return functionError("Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", id, how))
}

func responseTooLarge() Result {
	return functionError("Function.ResponseSizeTooLarge",
		fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse))
}
