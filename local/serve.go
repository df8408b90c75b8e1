package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// listen takes a port on the loopback addresses, both where there are two:
// browsers resolve *.localhost to either.
func listen(what, flag string, port int) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			for _, l := range listeners {
				l.Close()
			}
			return nil, fmt.Errorf("local: port %d, for %s, is in use: stop what listens there, or choose another with %s", port, what, flag)
		case err != nil && host == "::1":
			// No IPv6 on this machine.
		case err != nil:
			return nil, fmt.Errorf("local: port %d, for %s: %w", port, what, err)
		default:
			listeners = append(listeners, l)
		}
	}
	return listeners, nil
}

// free checks that a port can be taken, and lets it go: another process will
// listen there.
func free(what, flag string, port int) error {
	listeners, err := listen(what, flag, port)
	for _, l := range listeners {
		l.Close()
	}
	return err
}

// listeners are the ports of the run, taken before anything slow begins.
type listeners struct{ www, api, upstream []net.Listener }

func takePorts(o options) (l listeners, err error) {
	if l.www, err = listen("the application", "-www-port", o.wwwPort); err != nil {
		return l, err
	}
	if l.api, err = listen("the REST API", "-api-port", o.apiPort); err != nil {
		l.close()
		return l, err
	}
	if l.upstream, err = listen("the upstream API", "-upstream-port", o.upstreamPort); err != nil {
		l.close()
		return l, err
	}
	if err = free("the OpenID Provider", "-login-port", o.loginPort); err != nil {
		l.close()
	}
	return l, err
}

func (l listeners) close() {
	for _, group := range [][]net.Listener{l.www, l.api, l.upstream} {
		for _, listener := range group {
			listener.Close()
		}
	}
}

// server serves a handler on listeners until it is stopped.
type server struct{ http http.Server }

func serve(handler http.Handler, listeners []net.Listener) *server {
	s := &server{http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		// Above API Gateway's 10,240 bytes, so that the gateway answers itself.
		MaxHeaderBytes: 64 << 10,
	}}
	for _, l := range listeners {
		go s.http.Serve(l)
	}
	return s
}

// stop lets requests under way end, for a moment.
func (s *server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
}
