// Command function is the bootstrap of the tests: a real Lambda function whose event says what to do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do   string `json:"do"`
	Text string `json:"text"`
	Size int    `json:"size"`
	MS   int    `json:"ms"`
}

func main() {
	switch os.Getenv("START") {
	case "exit":
		fmt.Println("to stdout")
		fmt.Fprint(os.Stderr, "main: setting ISSUER is missing") // and no end of line
		os.Exit(3)
	case "hang":
		select {}
	case "init-error":
		resp, err := http.Post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2018-06-01/runtime/init/error",
			"application/json", strings.NewReader(`{"errorMessage":"no config","errorType":"Init.Config"}`))
		if err != nil || resp.StatusCode != http.StatusAccepted {
			panic(fmt.Sprint(resp, err))
		}
		os.Exit(1)
	case "sigterm": // registers an extension, which the runner may refuse
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM())
	default:
		lambda.Start(handle)
	}
}

func handle(ctx context.Context, e event) (any, error) {
	switch e.Do {
	case "echo":
		return e.Text, nil
	case "about":
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		dir, _ := os.Getwd()
		return map[string]any{
			"pid": os.Getpid(), "env": os.Environ(), "dir": dir, "id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn,
			"left": time.Until(deadline).Milliseconds(), "trace": ctx.Value("x-amzn-trace-id"),
		}, nil
	case "unauthorized":
		return nil, errors.New("Unauthorized")
	case "panic":
		panic("on purpose")
	case "exit":
		os.Exit(7)
	case "sleep": // deaf to its deadline
		time.Sleep(time.Duration(e.MS) * time.Millisecond)
		return os.Getpid(), nil
	case "large":
		return strings.Repeat("x", e.Size), nil
	case "stream":
		return strings.NewReader("streamed"), nil
	case "stream-error":
		return io.MultiReader(strings.NewReader("half of the"), broken{}), nil
	case "print":
		fmt.Println("line one\nline two")
		fmt.Fprintln(os.Stderr, "line three")
		return nil, nil
	case "die-later": // ends while it waits for the next event
		time.AfterFunc(50*time.Millisecond, func() { os.Exit(0) })
		return os.Getpid(), nil
	}
	return nil, fmt.Errorf("function: unknown %q", e.Do)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the source broke") }
