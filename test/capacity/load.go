package main

import "math"

const daysInMonth = 365.0 / 12

// load is how often each thing happens in one session, and the rates in one
// region that follow from it.
type load struct {
	// In one session.
	gateway     float64 // requests that API Gateway counts, with preflights
	authorizer  float64 // invocations
	agent       float64 // invocations
	logins      float64
	refreshes   float64
	provider    float64 // calls of the token and revocation endpoints
	introspects float64
	reads       float64 // table units
	writes      float64

	perSecond float64 // sessions begun in a second of the busiest hour, in one region
	perMonth  float64 // sessions in a month, in one region
}

func (s scenario) load() load {
	var l load
	l.logins = 1
	l.refreshes = math.Floor(s.length.Seconds() / s.refresh.Seconds())
	// Agent: login/start, login/end, session, refresh, logout.
	l.agent = 2*l.logins + s.pages + l.refreshes + s.signOut
	l.gateway = s.requests + s.preflights + l.agent
	l.provider = l.logins + l.refreshes + s.signOut

	// The cache's key has the method's kind, so a session has two entries. Each
	// miss starts a TTL in which further requests of the entry are hits.
	rate := s.requests / s.length.Seconds()
	l.authorizer = s.requests / (1 + rate/2*s.cacheTTL.Seconds())
	if s.phantom {
		// Pessimistic: an environment's memory helps a session only while it
		// meets the same environment, taken as two of them.
		l.introspects = l.authorizer / (1 + rate/2*s.phantomTTL.Seconds())
	}
	if s.table {
		// One consistent read of an item below 4 KB for each decision. A login
		// writes the session. A refresh takes the lock and stores the sealed
		// response of up to 4 KB. A sign-out writes the revocation.
		l.reads = l.authorizer + l.refreshes
		l.writes = l.logins + l.refreshes*(1+4) + s.signOut
	}
	daily := s.users * s.sessions / float64(s.regions)
	l.perSecond = daily * s.busiest / 3600
	l.perMonth = daily * daysInMonth
	return l
}
