package main

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// testCase is a fault. It gets a browser that is signed in.
type testCase struct {
	name      string
	run       func(w *world, b *browser) error
	ends      bool // by a sign-out: the session must not go on
	expected  bool // with a table too, a session is lost, unless there is a grace period
	tableOnly bool
	long      bool // not in the short form
	once      bool // with one session: it takes long
}

var cases = []testCase{
	{name: "no fault", run: func(_ *world, b *browser) error { return b.refreshed(200) }},
	{name: "50 simultaneous refreshes with one cookie", run: simultaneous},
	{name: "answer lost on its way to the browser", run: lostToBrowser},
	{name: "request lost before the provider rotated", run: providerFault(before(reset), 1)},
	{name: "answer lost after the provider rotated", run: providerFault(after(reset), 1), expected: true},
	{name: "agent killed before the provider rotated", run: killed(false), long: true},
	{name: "agent killed after the provider rotated", run: killed(true), expected: true, long: true},
	{name: "provider answers 500", run: providerFault(before(status(500)), 3)},
	{name: "provider resets connections", run: providerFault(before(reset), 3)},
	{name: "provider takes 3 seconds", run: slowProvider},
	{name: "provider is down for a minute", run: downProvider, once: true},
	{name: "table throttles", run: tableFault(throttle), tableOnly: true},
	{name: "table is down", run: tableFault(reset), tableOnly: true},
	{name: "table takes 300 ms", run: tableFault(nil), tableOnly: true},
	{name: "key rotated between answer and repetition", run: keyRotated},
	{name: "two tabs sign in and refresh", run: twoTabs},
	{name: "sign-out", run: signOut, ends: true},
	{name: "sign-out during a refresh", run: signOutDuringRefresh, ends: true},
}

// sessions is the number of sessions of a case.
func (w *world) sessions(c testCase) int {
	if w.short || c.once {
		return 1
	}
	return 3
}

// run runs a case with sessions of their own.
func (w *world) run(c testCase) (result, error) {
	r := result{name: c.name, deployment: w.deployment, sessions: w.sessions(c)}
	if c.expected && !w.grace {
		r.expected = r.sessions
	}
	requests, calls := w.requests.Load(), w.provider.tokens.Load()
	for range r.sessions {
		b := w.newBrowser()
		if err := b.signIn(); err != nil {
			return r, err
		}
		signedIn := b.copy()
		err := c.run(w, b)
		w.provider.set(nil)
		if w.table != nil {
			w.table.set(nil)
		}
		if err != nil {
			return r, err
		}
		if c.ends {
			n, err := w.outlives(signedIn, b.copy())
			if err != nil {
				return r, err
			}
			r.outlived += min(n, 1)
			continue
		}
		alive, err := b.alive()
		if err != nil {
			return r, err
		}
		if !alive {
			r.lost++
		}
	}
	// Two refreshes of each session look whether it goes on.
	r.requests, r.calls = int(w.requests.Load()-requests), int(w.provider.tokens.Load()-calls)
	return r, nil
}

// refreshed refreshes and expects a status; 0 accepts any.
func (b *browser) refreshed(want int) error {
	got, err := b.do("POST", "refresh", "")
	if err == nil && want != 0 && got.status != want {
		return errors.New("a refresh failed without a fault")
	}
	return err
}

func simultaneous(w *world, b *browser) error {
	n := 50
	if w.short {
		n = 15
	}
	before := b.copy()
	var wait sync.WaitGroup
	var failed atomic.Pointer[error]
	for range n {
		wait.Go(func() {
			got, err := w.ask("POST", "refresh", before, "")
			if err != nil {
				failed.Store(&err)
				return
			}
			b.keep(got.set)
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func lostToBrowser(w *world, b *browser) error {
	_, err := w.ask("POST", "refresh", b.copy(), "") // its cookies do not arrive
	return err
}

// broken is a fault: it gets the handler that works.
type broken func(w http.ResponseWriter, r *http.Request, works http.Handler)

func reset(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

func status(code int) broken {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(code) }
}

func throttle(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(http.StatusBadRequest)
	w.Write([]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}`))
}

// before has the fault in the place of the token endpoint.
func before(f broken) broken {
	return func(w http.ResponseWriter, r *http.Request, works http.Handler) {
		if r.URL.Path != "/token" {
			works.ServeHTTP(w, r)
			return
		}
		f(w, r, works)
	}
}

// after has the fault in the place of the token endpoint's answer.
func after(f broken) broken {
	return before(func(w http.ResponseWriter, r *http.Request, works http.Handler) {
		works.ServeHTTP(&discarded{}, r)
		f(w, r, works)
	})
}

type discarded struct{ header http.Header }

func (d *discarded) Header() http.Header {
	if d.header == nil {
		d.header = http.Header{}
	}
	return d.header
}
func (d *discarded) Write(b []byte) (int, error) { return len(b), nil }
func (d *discarded) WriteHeader(int)             {}

// providerFault refreshes several times while the provider is broken.
func providerFault(f broken, times int) func(*world, *browser) error {
	return func(w *world, b *browser) error {
		w.provider.set(f)
		for range times {
			if err := b.refreshed(0); err != nil {
				return err
			}
		}
		return nil
	}
}

func slowProvider(w *world, b *browser) error {
	w.provider.set(before(func(wr http.ResponseWriter, r *http.Request, works http.Handler) {
		time.Sleep(3 * time.Second)
		works.ServeHTTP(wr, r)
	}))
	var wait sync.WaitGroup
	cookies := b.copy()
	var failed atomic.Pointer[error]
	for range 2 { // the page gave up waiting and asks again
		wait.Go(func() {
			got, err := w.ask("POST", "refresh", cookies, "")
			if err != nil {
				failed.Store(&err)
				return
			}
			b.keep(got.set)
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// downProvider refreshes all the while. In the short form it is a second.
func downProvider(w *world, b *browser) error {
	down, pause := time.Minute, 2*time.Second
	if w.short {
		down = time.Second
	}
	w.provider.set(reset)
	for began := time.Now(); time.Since(began) < down; time.Sleep(pause) {
		if err := b.refreshed(0); err != nil {
			return err
		}
	}
	return nil
}

// tableFault refreshes while the table is broken; nil makes it slow.
func tableFault(f broken) func(*world, *browser) error {
	if f == nil {
		f = func(w http.ResponseWriter, r *http.Request, works http.Handler) {
			time.Sleep(300 * time.Millisecond)
			works.ServeHTTP(w, r)
		}
	}
	return func(w *world, b *browser) error {
		w.table.set(f)
		for range 2 {
			if err := b.refreshed(0); err != nil {
				return err
			}
		}
		return nil
	}
}

// killed kills the agent during the call of the provider.
func killed(rotated bool) func(*world, *browser) error {
	return func(w *world, b *browser) error {
		agent := <-w.idle
		var once sync.Once
		w.provider.set(before(func(wr http.ResponseWriter, r *http.Request, works http.Handler) {
			mine := false
			once.Do(func() { mine = true })
			if !mine {
				works.ServeHTTP(wr, r)
				return
			}
			if rotated {
				works.ServeHTTP(&discarded{}, r)
			} else {
				// Only then the server notices that the connection has ended.
				io.Copy(io.Discard, r.Body)
			}
			go agent.Close()
			<-r.Context().Done() // the agent's connection has ended
		}))
		_, err := w.askOf(agent, "POST", "refresh", b.copy(), "")
		if !errors.Is(err, errKilled) {
			return errors.Join(errors.New("the agent was not killed"), err)
		}
		return w.startAgent()
	}
}

// keyRotated rotates the cookie key while a refresh is repeated.
func keyRotated(w *world, b *browser) error {
	if _, err := w.ask("POST", "refresh", b.copy(), ""); err != nil { // its cookies do not arrive
		return err
	}
	w.keys.rotate()
	// Agents that have not heard of the new key are replaced by some that have.
	for range agents / 2 {
		(<-w.idle).Close()
		if err := w.startAgent(); err != nil {
			return err
		}
	}
	return nil
}

func twoTabs(_ *world, b *browser) error {
	first, err := b.authorize()
	if err != nil {
		return err
	}
	second, err := b.authorize()
	if err != nil {
		return err
	}
	if err := b.finish(second); err != nil {
		return err
	}
	if err := b.refreshed(200); err != nil {
		return err
	}
	return b.finish(first)
}

func signOut(_ *world, b *browser) error {
	_, err := b.do("POST", "logout", "")
	return err
}

// signOutDuringRefresh signs out while the provider works on a refresh. The
// answer of the refresh arrives last.
func signOutDuringRefresh(w *world, b *browser) error {
	working, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.provider.set(before(func(wr http.ResponseWriter, r *http.Request, works http.Handler) {
		once.Do(func() { close(working); <-proceed })
		works.ServeHTTP(wr, r)
	}))
	before := b.copy()
	type outcome struct {
		answer
		err error
	}
	late := make(chan outcome, 1)
	go func() {
		got, err := w.ask("POST", "refresh", before, "")
		late <- outcome{got, err}
	}()
	<-working
	_, err := b.do("POST", "logout", "")
	close(proceed)
	got := <-late
	if err := errors.Join(err, got.err); err != nil {
		return err
	}
	b.keep(got.set)
	return nil
}
