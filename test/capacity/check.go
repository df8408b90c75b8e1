package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/tokenhandler/aws/test/internal/lambdabench"
	"github.com/tokenhandler/aws/test/internal/localrun"
)

// agreement is the factor by which a measured figure may differ from the
// model's. It is compared without the slowest twentieth of the requests, in
// which the stalls of a busy machine show.
const agreement = 1.5

// observed are figures of a load run, or of the model of it.
type observed struct {
	throttled float64   // share
	busy      float64   // mean number of requests in work
	p50, p99  float64   // seconds
	took      []float64 // of each request, sorted, in seconds
}

// checkModel compares the model with load on real processes, on loopback.
func checkModel(ctx context.Context, w io.Writer, dir string, seed uint64) error {
	faults := 0
	for _, check := range []struct {
		title string
		run   func(context.Context, string, uint64) (model, real observed, description string, err error)
	}{
		{"The authorizer in 4 environments, each decision waiting 50 ms for introspection", checkEnvironments},
		{"go run ./local, refusing requests without a session", checkLocalRun},
	} {
		model, real, description, err := check.run(ctx, dir, seed)
		if err != nil {
			return fmt.Errorf("%s: %w", check.title, err)
		}
		fmt.Fprintf(w, "%s\n%s\n", check.title, description)
		t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "\tmodel\tmeasured\t")
		fmt.Fprintf(t, "throttled\t%.1f %%\t%.1f %%\t\n", 100*model.throttled, 100*real.throttled)
		fmt.Fprintf(t, "in work, mean\t%.2f\t%.2f\t\n", model.busy, real.busy)
		fmt.Fprintf(t, "latency p50\t%s\t%s\t\n", milliseconds(model.p50), milliseconds(real.p50))
		fmt.Fprintf(t, "latency p99\t%s\t%s\t\n", milliseconds(model.p99), milliseconds(real.p99))
		t.Flush()
		if agree(model, real) {
			fmt.Fprintf(w, "agrees: each figure but p99 is within a factor of %.1f\n\n", agreement)
		} else {
			fmt.Fprintf(w, "DIFFERS by more than a factor of %.1f\n\n", agreement)
			faults++
		}
	}
	if faults > 0 {
		return fmt.Errorf("the model differs from the measurement in %d of 2 checks; repeat on an idle machine", faults)
	}
	return nil
}

func agree(model, real observed) bool {
	near := func(a, b float64) bool { return a <= b*agreement && b <= a*agreement }
	return near(model.busy, real.busy) && near(model.p50, real.p50) && (near(model.throttled, real.throttled) || math.Abs(model.throttled-real.throttled) < 0.01)
}

// checkEnvironments offers a Poisson stream of events to a fixed number of
// environments of the real authorizer. A request that finds them all busy is
// throttled, as in Lambda.
func checkEnvironments(ctx context.Context, dir string, seed uint64) (model, real observed, description string, err error) {
	const (
		environments = 4
		rate         = 60.0
		wait         = 50 * time.Millisecond
		arrivals     = 600
	)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	var calls atomic.Int64
	// The authorizer remembers no answer (INTROSPECTION_MAX_AGE): each decision
	// asks.
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		time.Sleep(wait)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"active":true}`)
	}))
	defer endpoint.Close()
	env, events, _, err := lambdabench.SignedIn(50)
	if err != nil {
		return model, real, "", err
	}
	root, err := lambdabench.ModuleRoot()
	if err != nil {
		return model, real, "", err
	}
	b := lambdabench.Bootstrap{Name: "authorizer", Env: append(env, "USE_PHANTOM_TOKEN=true", "INTROSPECTION_URL="+endpoint.URL, "INTROSPECTION_MEDIA_TYPE=application/json", "INTROSPECTION_MAX_AGE=0", "CLIENT_ID=api", "CLIENT_SECRET=not-used")}
	if b.Path, err = lambdabench.Build(ctx, root, dir, "./lambda/authorizer"); err != nil {
		return model, real, "", err
	}
	idle := make([]*lambdabench.Environment, 0, environments)
	for range environments {
		e, err := lambdabench.Start(ctx, b)
		if err != nil {
			return model, real, "", err
		}
		defer e.Close()
		idle = append(idle, e)
	}
	// Alone: the service time, and the environments are warm.
	var alone []time.Duration
	for i := range 100 {
		began := time.Now()
		if _, err := idle[i%environments].Invoke(ctx, events[i%len(events)]); err != nil {
			return model, real, "", err
		}
		if i >= environments {
			alone = append(alone, time.Since(began))
		}
	}
	if calls.Load() != 100 {
		return model, real, "", fmt.Errorf("the authorizer asked the introspection endpoint %d times in 100 decisions", calls.Load())
	}

	var mu sync.Mutex
	take := func() *lambdabench.Environment {
		mu.Lock()
		defer mu.Unlock()
		if len(idle) == 0 {
			return nil
		}
		e := idle[len(idle)-1]
		idle = idle[:len(idle)-1]
		return e
	}
	real, err = offer(ctx, rate, arrivals, seed, func(i int) (bool, error) {
		e := take()
		if e == nil {
			return false, nil
		}
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			idle = append(idle, e)
		}()
		_, err := e.Invoke(ctx, events[i%len(events)])
		return true, err
	})
	if err != nil {
		return model, real, "", err
	}
	unlimited := math.Inf(1)
	out := simulate([]class{{"decision", rate, 0, empirical(seconds(alone), 1)}}, limits{
		concurrency: environments, invocations: 1e9, scaling: 1e9, scalingBurst: 1e9,
		stageRate: 1e9, stageBurst: 1e9, accountRate: 1e9, accountBurst: 1e9, idle: unlimited, cold: []float64{0},
	}, 200_000, seed)
	model = observe(out.latency[0], int(out.requests), out.seconds)
	description = fmt.Sprintf("%d requests at %.0f/s; Erlang's formula says %.1f %% are throttled", arrivals, rate,
		100*erlangB(environments, rate*mean(seconds(alone))))
	return model, real, description, nil
}

// checkLocalRun starts the local run on free ports and offers requests that
// the authorizer refuses. Gateway, authorizer and this program share the
// processors, so the model is a queue with a server for each. Other load on the
// machine is not in the model.
func checkLocalRun(ctx context.Context, dir string, seed uint64) (model, real observed, description string, err error) {
	const arrivals = 1000
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	binary, err := localrun.Build(ctx, dir)
	if err != nil {
		return model, real, "", err
	}
	ports, err := localrun.FreePorts()
	if err != nil {
		return model, real, "", err
	}
	system, err := localrun.Start(ctx, binary, filepath.Join(dir, "cdk.out"), ports)
	if err != nil {
		return model, real, "", err
	}
	defer system.Stop()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	refused := func(int) (bool, error) {
		req, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://127.0.0.1:%d/orders", system.API), nil)
		if err != nil {
			return true, err
		}
		req.Host = fmt.Sprintf("api.example.localhost:%d", system.API)
		req.Header.Set("Origin", fmt.Sprintf("http://www.example.localhost:%d", system.WWW))
		resp, err := client.Do(req)
		if err != nil {
			return true, err
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
		if resp.StatusCode != http.StatusUnauthorized {
			return true, fmt.Errorf("GET /orders without a session: got status %d, want 401", resp.StatusCode)
		}
		return true, nil
	}
	for i := range 50 { // start the process
		if _, err := refused(i); err != nil {
			return model, real, "", err
		}
	}
	// The service time is that of requests too rare to meet each other.
	alone, err := offer(ctx, 10, 200, seed+1, refused)
	if err != nil {
		return model, real, "", err
	}
	servers := min(runtime.NumCPU(), 10) // the local run has at most 10 processes of a function
	rate := min(60, 0.3*float64(servers)/mean(alone.took))
	if real, err = offer(ctx, rate, arrivals, seed, refused); err != nil {
		return model, real, "", err
	}
	model = queue(rate, servers, empirical(alone.took, 1), 200_000, seed)
	return model, real, fmt.Sprintf("%d requests at %.0f/s on %d processors; one takes %s on average at 10/s", arrivals, rate, servers, milliseconds(mean(alone.took))), nil
}

// offer calls f at the times of a Poisson process, each in a goroutine of its
// own, and waits for all. f reports whether the request was served.
func offer(ctx context.Context, rate float64, arrivals int, seed uint64, f func(i int) (served bool, err error)) (observed, error) {
	random := rand.New(rand.NewPCG(seed, 2))
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		took  []float64
		first error
	)
	began := time.Now()
	next := began
	for i := range arrivals {
		next = next.Add(time.Duration(random.ExpFloat64() / rate * float64(time.Second)))
		select {
		case <-time.After(time.Until(next)):
		case <-ctx.Done():
			return observed{}, ctx.Err()
		}
		wg.Go(func() {
			start := time.Now()
			served, err := f(i)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				first = err
			case served:
				took = append(took, time.Since(start).Seconds())
			}
		})
	}
	lasted := time.Since(began).Seconds()
	wg.Wait()
	if first != nil {
		return observed{}, first
	}
	return observe(took, arrivals, lasted), nil
}

// observe sums up requests: the time each served one took, and how many arrived
// in how many seconds.
func observe(took []float64, arrivals int, lasted float64) observed {
	slices.Sort(took)
	usual := took[:len(took)*19/20]
	return observed{
		throttled: 1 - float64(len(took))/float64(arrivals),
		busy:      mean(usual) * float64(len(usual)) / lasted,
		p50:       quantile(took, 0.5), p99: quantile(took, 0.99), took: took,
	}
}

// queue simulates a first-come queue in front of some servers.
func queue(rate float64, servers int, service func(*rand.Rand) float64, arrivals int, seed uint64) observed {
	random := rand.New(rand.NewPCG(seed, 3))
	free := make([]float64, servers)
	var took []float64
	now := 0.0
	for range arrivals {
		now += random.ExpFloat64() / rate
		earliest := 0
		for i := range free {
			if free[i] < free[earliest] {
				earliest = i
			}
		}
		free[earliest] = math.Max(now, free[earliest]) + service(random)
		took = append(took, free[earliest]-now)
	}
	return observe(took, arrivals, now)
}

func seconds(durations []time.Duration) []float64 {
	var values []float64
	for _, d := range durations {
		values = append(values, d.Seconds())
	}
	return values
}
