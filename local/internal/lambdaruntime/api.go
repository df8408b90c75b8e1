package lambdaruntime

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxResponse is Lambda's limit on responses: 6 MiB and a little, as its error message says.
const maxResponse = MaxPayload + 100

// The trailers in which a function reports an error that struck after the response had begun.
const (
	trailerErrorType = "Lambda-Runtime-Function-Error-Type"
	trailerErrorBody = "Lambda-Runtime-Function-Error-Body"
)

// api is the Runtime API of one process. Extensions are not supported: their paths are 404, which the aws-lambda-go
// library takes with a warning.
func (p *process) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", p.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", p.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", p.error)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", p.initErrors)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page in the developer's browser can reach a loopback port, by its number or through DNS rebinding, and
		// events carry cookies. A runtime sends the address it was given, and no header of a browser.
		if r.Host != p.addr || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			problem(w, http.StatusForbidden, "Forbidden", "only the function's own process may call its Runtime API")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// next blocks until there is an event: the client has no timeout either.
func (p *process) next(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	if p.polling || p.current != nil {
		p.mu.Unlock()
		problem(w, http.StatusForbidden, "InvalidStateTransition", "the invocation before has not been answered")
		return
	}
	p.polling = true
	p.mu.Unlock()
	select {
	case p.polled <- struct{}{}:
	default: // a /next that went away unserved has announced the process already
	}

	var inv *invocation
	select {
	case inv = <-p.events:
	case <-r.Context().Done():
	}
	p.mu.Lock()
	p.polling, p.current = false, inv
	p.mu.Unlock()
	if inv == nil {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", p.arn)
	h.Set("Lambda-Runtime-Trace-Id", newTraceID(time.Now()))
	w.Write(inv.payload)
}

func (p *process) response(w http.ResponseWriter, r *http.Request) {
	inv := p.claim(w, r)
	if inv == nil {
		return
	}
	if inv.stream != nil {
		p.streamed(w, r, inv)
		return
	}
	body, err := readBody(w, r)
	switch {
	case errors.Is(err, errTooLarge):
		inv.answer <- responseTooLarge()
		problem(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes).")
		return
	case err != nil: // the process died while it wrote, or will: the answer is its exit
		problem(w, http.StatusBadRequest, "InvalidRequest", "the response could not be read")
		return
	}
	// The trailers are there once the body has been read to its end.
	if errorType := r.Trailer.Get(trailerErrorType); errorType != "" {
		inv.answer <- trailerError(errorType, r.Trailer.Get(trailerErrorBody))
	} else {
		inv.answer <- Result{Payload: body}
	}
	accepted(w)
}

// maxStream: "The maximum size of a response stream is 200 MB"
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html).
const maxStream = 200 << 20

// streamed passes a response on as it comes. The writer's errors are ignored: the function runs to its end.
func (p *process) streamed(w http.ResponseWriter, r *http.Request, inv *invocation) {
	body := http.MaxBytesReader(w, r.Body, maxStream)
	buf := make([]byte, 32<<10)
	var err error
	for gone := false; err == nil; {
		var n int
		n, err = body.Read(buf)
		if n > 0 && !gone {
			_, failed := inv.stream.Write(buf[:n])
			gone = failed != nil
		}
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		inv.answer <- functionError("Function.ResponseSizeTooLarge", "Response stream is over 200 MB.")
		problem(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "response stream is over 200 MB")
		return
	case err != io.EOF:
		problem(w, http.StatusBadRequest, "InvalidRequest", "the response could not be read")
		return
	}
	if errorType := r.Trailer.Get(trailerErrorType); errorType != "" {
		inv.answer <- trailerError(errorType, r.Trailer.Get(trailerErrorBody))
	} else {
		inv.answer <- Result{}
	}
	accepted(w)
}

// trailerError: the body is base64 of the JSON that would have gone to /error.
func trailerError(errorType, encoded string) Result {
	body, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !json.Valid(body) {
		return functionError(errorType, "")
	}
	return Result{Payload: body, FunctionError: "Unhandled"}
}

func (p *process) error(w http.ResponseWriter, r *http.Request) {
	inv := p.claim(w, r)
	if inv == nil {
		return
	}
	result, err := errorResult(w, r)
	if err != nil {
		problem(w, http.StatusBadRequest, "InvalidRequest", "the error could not be read")
		return
	}
	inv.answer <- result
	accepted(w)
}

// initErrors takes the error of a runtime that cannot start.
func (p *process) initErrors(w http.ResponseWriter, r *http.Request) {
	result, err := errorResult(w, r)
	if err != nil {
		problem(w, http.StatusBadRequest, "InvalidRequest", "the error could not be read")
		return
	}
	p.mu.Lock()
	p.initError = &result
	p.mu.Unlock()
	accepted(w)
}

// errorResult reads the body {"errorMessage", "errorType", "stackTrace"}; the header with the type is optional and
// aws-lambda-go does not send it.
func errorResult(w http.ResponseWriter, r *http.Request) (Result, error) {
	body, err := readBody(w, r)
	if err != nil && !errors.Is(err, errTooLarge) {
		return Result{}, err
	}
	if err != nil || !json.Valid(body) {
		return functionError(r.Header.Get(trailerErrorType), "the function's error is not JSON or too large"), nil
	}
	return Result{Payload: body, FunctionError: "Unhandled"}, nil
}

// claim takes the invocation that r answers, which can happen once. Without one it answers r itself.
func (p *process) claim(w http.ResponseWriter, r *http.Request) *invocation {
	p.mu.Lock()
	inv := p.current
	if inv != nil && inv.id == r.PathValue("id") {
		p.current = nil
		p.mu.Unlock()
		return inv
	}
	p.mu.Unlock()
	problem(w, http.StatusBadRequest, "InvalidRequestID", "no such invocation is waiting for an answer")
	return nil
}

var errTooLarge = errors.New("lambdaruntime: body too large")

// readBody reads the body to its end, trailers included, and keeps up to maxResponse bytes of it. A little more is
// read and dropped, so that the client gets the answer 413 rather than a broken connection.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(io.LimitReader(r.Body, maxResponse+1)); err != nil {
		return nil, err
	}
	if buf.Len() > maxResponse {
		io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 10*maxResponse))
		return nil, errTooLarge
	}
	return buf.Bytes(), nil
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`)
}

func problem(w http.ResponseWriter, status int, errorType, message string) {
	body, _ := json.Marshal(map[string]string{"errorType": errorType, "errorMessage": message})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}
