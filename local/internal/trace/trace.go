// Package trace records the way of each request through the local gateway and
// serves a page that shows it.
//
// A [Log] keeps the last requests in memory. No record contains a token, a
// cookie's value, a code, a key, a subject, a body or an actual path: package
// mask decides by an allow-list which values are shown, and a record that still
// contains one of the request's secrets is redacted before it is kept.
package trace

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Bounds of a log.
const (
	maxRecords  = 200      // requests that are kept
	maxReaders  = 16       // pages that are open at once
	maxRows     = 80       // rows of one step
	maxSteps    = 40       // steps of one record
	maxRecord   = 96 << 10 // bytes of one record as JSON
	readerQueue = 64       // records that wait for one page
)

// Record is the way of one request.
type Record struct {
	ID       string    `json:"id"` // the gateway's request id
	Time     time.Time `json:"time"`
	Kind     string    `json:"kind"` // preflight, api, agent or provider
	Method   string    `json:"method"`
	Resource string    `json:"resource"` // the template's path, never the actual one
	Origin   string    `json:"origin,omitempty"`
	Status   int       `json:"status"`
	MS       float64   `json:"ms"`
	Code     string    `json:"code,omitempty"` // of a refusal
	Refused  bool      `json:"refused"`
	Steps    []Step    `json:"steps"`
	Explain  *Explain  `json:"explain,omitempty"`
	Curl     string    `json:"curl,omitempty"`

	secrets []string
	log     *Log
}

// Step is one station of the way.
type Step struct {
	Name   string  `json:"name"` // request, authorizer, check, mapping, upstream, provider, response, cors or log
	Title  string  `json:"title"`
	Result string  `json:"result"` // ok, refused, failed or info
	Note   string  `json:"note,omitempty"`
	MS     float64 `json:"ms,omitempty"`
	Rows   []Row   `json:"rows,omitempty"`
}

// Row is one value of a step.
type Row struct {
	Name   string `json:"name"`
	Value  string `json:"value,omitempty"`
	Change string `json:"change,omitempty"` // added, dropped, overwritten, passed or missing
	From   string `json:"from,omitempty"`   // mapping expression
}

// Log keeps the last records. A nil Log drops all records.
type Log struct {
	mu      sync.Mutex
	kept    []*Record // oldest first
	active  []*Record
	readers map[chan []byte]bool
}

// NewLog returns an empty log.
func NewLog() *Log { return &Log{readers: map[chan []byte]bool{}} }

// Begin starts a record. A nil Log returns a nil Record, whose methods have
// no effect.
func (l *Log) Begin(id string, now time.Time) *Record {
	if l == nil {
		return nil
	}
	r := &Record{ID: id, Time: now, log: l, Steps: []Step{}}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = append(l.active, r)
	return r
}

// Step adds a station.
func (r *Record) Step(s Step) {
	if r == nil {
		return
	}
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	r.add(s)
}

func (r *Record) add(s Step) {
	if len(r.Steps) >= maxSteps {
		return
	}
	if more := len(s.Rows) - maxRows; more > 0 {
		s.Rows = append(slices.Clone(s.Rows[:maxRows]), Row{Name: "more", Value: count(more, "value") + " not shown"})
	}
	at := len(r.Steps)
	for s.Name != "log" && at > 0 && r.Steps[at-1].Name == "log" { // logs come last
		at--
	}
	r.Steps = slices.Insert(r.Steps, at, s)
}

// Secret names values that must not show anywhere in the record.
func (r *Record) Secret(values ...string) {
	if r == nil {
		return
	}
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	for _, v := range values {
		if len(v) >= 8 && len(r.secrets) < 200 {
			r.secrets = append(r.secrets, v)
		}
	}
}

// Set changes the record's own fields.
func (r *Record) Set(f func(*Record)) {
	if r == nil {
		return
	}
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	f(r)
}

// End keeps the record and sends it to the open pages.
func (r *Record) End() {
	if r == nil {
		return
	}
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = slices.DeleteFunc(l.active, func(other *Record) bool { return other == r })
	if len(l.kept) >= maxRecords {
		l.kept = slices.Delete(l.kept, 0, 1)
	}
	l.kept = append(l.kept, r)
	l.send(r)
}

// Provider adds a call to the OpenID Provider. It belongs to the request that
// is on its way; otherwise it is a record of its own.
func (l *Log) Provider(s Step, now time.Time) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.active) == 1 {
		l.active[0].add(s)
		return
	}
	r := &Record{ID: "provider-" + now.Format("150405.000000"), Time: now, Kind: "provider", Method: "", Resource: s.Title, MS: s.MS, Steps: []Step{s}, log: l,
		Refused: s.Result == "failed"}
	if len(l.kept) >= maxRecords {
		l.kept = slices.Delete(l.kept, 0, 1)
	}
	l.kept = append(l.kept, r)
	l.send(r)
}

// Annotate adds a step to the record with an id, also after its end: the log
// line of a Lambda arrives after its answer.
func (l *Log) Annotate(id string, s Step) {
	if l == nil || id == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.active {
		if r.ID == id {
			r.add(s)
			return
		}
	}
	for _, r := range slices.Backward(l.kept) {
		if r.ID == id {
			r.add(s)
			l.send(r)
			return
		}
	}
}

// Close ends the open pages' connections.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for reader := range l.readers {
		delete(l.readers, reader)
		close(reader)
	}
}

// Clear forgets all records.
func (l *Log) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = nil
}

// encode is the record as JSON, with the request's secrets redacted.
func (r *Record) encode() []byte {
	text, err := json.Marshal(r)
	if err != nil || len(text) > maxRecord {
		short := *r
		short.Steps = []Step{{Name: "request", Title: "Too much to keep", Result: "info", Note: "This request had more values than the trace keeps."}}
		text, _ = json.Marshal(&short) // strings and numbers cannot fail
	}
	for _, secret := range r.secrets {
		escaped, _ := json.Marshal(secret)
		text = bytes.ReplaceAll(text, bytes.Trim(escaped, `"`), []byte(hidden))
	}
	return text
}

// send hands a record to the pages. A page that does not read is closed, and
// asks for everything anew.
func (l *Log) send(r *Record) {
	if len(l.readers) == 0 {
		return
	}
	text := r.encode()
	for reader := range l.readers {
		select {
		case reader <- text:
		default:
			delete(l.readers, reader)
			close(reader)
		}
	}
}

// subscribe returns the records so far and a channel with those to come. The
// channel is nil if too many pages are open.
func (l *Log) subscribe() (kept [][]byte, more chan []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.readers) >= maxReaders {
		return nil, nil
	}
	more = make(chan []byte, readerQueue)
	l.readers[more] = true
	return l.all(), more
}

func (l *Log) unsubscribe(reader chan []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.readers, reader)
}

func (l *Log) all() [][]byte {
	var out [][]byte
	for _, r := range l.kept {
		out = append(out, r.encode())
	}
	return out
}

// JSON returns all records as a JSON array.
func (l *Log) JSON() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(append([]byte{'['}, bytes.Join(l.all(), []byte(","))...), ']')
}
