package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/tokenhandler/aws/local/internal/socket"
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
			return nil, fmt.Errorf("local: port %d, for %s, is in use: stop the program there, or choose another port with %s", port, what, flag)
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

// listeners are the ports of the run, taken before anything slow begins.
type listeners struct{ www, api, login, back, upstream, trace []net.Listener }

func takePorts(o options) (l listeners, err error) {
	for _, p := range []struct {
		to         *[]net.Listener
		what, flag string
		port       int
		skip       bool
	}{
		{&l.www, "the application", "-www-port", o.wwwPort, false},
		{&l.api, "the REST API", "-api-port", o.apiPort, false},
		{&l.login, "the OpenID Provider", "-login-port", o.loginPort, false},
		{&l.back, "the provider's back channel", "-back-port", o.backPort, !o.tls},
		{&l.upstream, "the upstream API", "-upstream-port", o.upstreamPort, false},
		{&l.trace, "the trace page", "-trace-port", o.tracePort, o.tracePort == 0},
	} {
		if p.skip {
			continue
		}
		if *p.to, err = listen(p.what, p.flag, p.port); err != nil {
			l.close()
			return l, err
		}
	}
	return l, nil
}

func (l listeners) close() {
	for _, group := range [][]net.Listener{l.www, l.api, l.login, l.back, l.upstream, l.trace} {
		for _, listener := range group {
			listener.Close()
		}
	}
}

// server serves a handler on listeners until it is stopped.
type server struct{ http http.Server }

// With a certificate it serves https.
func serve(handler http.Handler, listeners []net.Listener, cert *certificate) *server {
	s := &server{http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		// Above API Gateway's 10,240 bytes, so that the gateway answers itself.
		MaxHeaderBytes: 64 << 10,
	}}
	if cert != nil {
		s.http.TLSConfig = cert.config.Clone()
		s.http.ErrorLog = log.New(io.Discard, "", 0) // browsers that have not accepted the certificate yet
	}
	for _, l := range listeners {
		if cert == nil {
			go s.http.Serve(l)
			continue
		}
		go s.http.ServeTLS(l, "", "")
	}
	return s
}

// ownHosts refuses requests for hosts of other machines. A page whose host
// resolves to this machine (DNS rebinding) has the API's origin, and could read
// open routes.
func ownHosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := url.URL{Host: r.Host}
		if !socket.Loopback(u.Hostname()) {
			http.Error(w, "the local run serves names below localhost only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// stop lets requests under way end, for a moment.
func (s *server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
}
