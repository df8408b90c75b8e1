package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tokenhandler/aws/local/internal/trace"
)

// Limits of streamed responses. AWS: "Stream the integration response for your proxy integrations in API Gateway",
// considerations (https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html).
type streamLimits struct {
	longest time.Duration // "up to 15 minutes"
	idle    time.Duration // "For Regional or private endpoints, the timeout is 5 minutes"
	free    int64         // "the first 10 MB of response payload is not subject to any bandwidth restrictions"
	rate    int64         // bytes per second beyond: "restricted to 2 MB/s"
}

var regionalStreams = streamLimits{15 * time.Minute, 5 * time.Minute, 10 << 20, 2 << 20}

// edgeStreamIdle: "For edge-optimized endpoints, the timeout is 30 seconds."
const edgeStreamIdle = 30 * time.Second

// maxMetadata bounds the JSON in front of a function's streamed payload.
const maxMetadata = 16 << 10

// upstreamStream is the body of an upstream response, with its request's context.
type upstreamStream struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (s upstreamStream) Close() error {
	s.cancel()
	return s.ReadCloser.Close()
}

// stream passes a response on as it comes. If it breaks, the connection ends without the last chunk, so that the client
// does not take a part for the whole.
func (c *call) stream(w http.ResponseWriter, resp *response) {
	began := c.g.opts.Now()
	n, err := c.copyStream(w, resp)
	s := trace.Step{Name: "stream", Title: "Streamed response", Result: "ok", MS: c.since(began), Note: plural(int(n), "byte") + "."}
	var f *fault
	if err != nil {
		f = &fault{kind: "INTEGRATION_FAILURE", cause: err.Error()}
		s.Result, s.Note = "failed", plural(int(n), "byte")+", then "+err.Error()+"."
	}
	c.g.opts.Trace.Log.Annotate(c.requestID, s)
	c.log(resp, f)
	if err != nil {
		panic(http.ErrAbortHandler) // net/http closes the connection
	}
}

func (c *call) copyStream(w http.ResponseWriter, resp *response) (n int64, err error) {
	limits := c.g.limits
	ended := make(chan string, 1)
	end := func(why string) func() {
		return func() {
			select {
			case ended <- why:
			default:
			}
			resp.stream.Close()
		}
	}
	idle := time.AfterFunc(limits.idle, end("no data for "+limits.idle.String()))
	longest := time.AfterFunc(limits.longest, end("the stream lasted "+limits.longest.String()))
	stop := context.AfterFunc(c.ctx, end("the client left"))
	defer func() { idle.Stop(); longest.Stop(); stop(); resp.stream.Close() }()

	resp.writeHeader(w)
	out := http.NewResponseController(w)
	_ = out.Flush()
	buf := make([]byte, 32<<10)
	for {
		got, readErr := resp.stream.Read(buf)
		if got > 0 {
			idle.Reset(limits.idle)
			if over := n + int64(got) - limits.free; over > 0 { // a client's pace is slower than a loopback's
				select {
				case <-time.After(time.Duration(min(over, int64(got))) * time.Second / time.Duration(limits.rate)):
				case <-c.ctx.Done():
				}
			}
			if _, err := w.Write(buf[:got]); err != nil {
				return n, errors.New("the client left")
			}
			n += int64(got)
			_ = out.Flush()
		}
		if readErr == io.EOF {
			return n, nil
		}
		if readErr != nil {
			select {
			case why := <-ended:
				return n, errors.New(why)
			default:
			}
			switch {
			case errors.Is(readErr, context.DeadlineExceeded):
				return n, errors.New("the integration's timeout passed")
			case errors.Is(readErr, errFunction):
				return n, errFunction
			}
			return n, errors.New("the upstream broke the stream off")
		}
	}
}

// delimiter separates a function's metadata from its payload.
var delimiter = make([]byte, 8)

// invokeStream invokes a function whose response is streamed: "valid JSON metadata", eight null bytes, the payload
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html).
func (c *call) invokeStream(payload []byte) (*response, *fault) {
	in := &c.route.Integration
	ctx, cancel := context.WithTimeout(c.ctx, in.Timeout)
	reader, writer := io.Pipe()
	go func() {
		res, err := c.g.opts.InvokeStream(ctx, in.FunctionID, payload, writer)
		if err == nil && res.FunctionError {
			err = errFunction
		}
		writer.CloseWithError(err) // nil: io.EOF
	}()
	metadata, rest, err := readMetadata(reader)
	fail := func(f *fault) (*response, *fault) {
		cancel()
		reader.Close()
		return nil, f
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fail(newFault("INTEGRATION_TIMEOUT", "Endpoint request timed out", "function exceeded the integration's timeout"))
	case errors.Is(err, errFunction):
		return fail(badGateway("function failed"))
	case errors.Is(err, errMetadata):
		return fail(badGateway("malformed streamed response: " + err.Error()))
	case err != nil:
		return fail(internalError("function could not be run: " + err.Error()))
	}
	resp, err := c.parseMetadata(metadata)
	if err != nil {
		return fail(badGateway("malformed streamed response: " + err.Error()))
	}
	resp.stream = upstreamStream{struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(rest), reader), reader}, cancel}
	return resp, nil
}

var (
	errFunction = errors.New("function failed")
	errMetadata = errors.New("expected JSON metadata and eight null bytes in the first 16 KB")
)

// readMetadata reads up to the delimiter. rest is the beginning of the payload.
func readMetadata(r io.Reader) (metadata, rest []byte, err error) {
	var got []byte
	buf := make([]byte, 4<<10)
	for len(got) < maxMetadata {
		n, err := r.Read(buf)
		got = append(got, buf[:n]...)
		if before, after, ok := bytes.Cut(got, delimiter); ok {
			return before, after, nil
		}
		switch {
		case err == io.EOF:
			return nil, nil, errMetadata
		case err != nil:
			return nil, nil, err
		}
	}
	return nil, nil, errMetadata
}

func (c *call) parseMetadata(metadata []byte) (*response, error) {
	var cookies struct {
		Cookies []string `json:"cookies"`
	}
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(metadata, &fields) != nil || json.Unmarshal(metadata, &cookies) != nil {
		return nil, errors.New("metadata is not an object, or its cookies are not a list of strings")
	}
	for _, name := range []string{"body", "isBase64Encoded"} {
		if _, there := fields[name]; there {
			return nil, fmt.Errorf("metadata has %s: the payload follows the delimiter", name)
		}
	}
	delete(fields, "cookies")
	rest, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	resp, err := c.parseProxyResponse(rest)
	if err != nil {
		return nil, err
	}
	for _, cookie := range cookies.Cookies {
		resp.headers = append(resp.headers, header{"Set-Cookie", cookie})
	}
	return resp, nil
}
