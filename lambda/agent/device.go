package main

import (
	"net/url"
	"slices"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/oauthagent"
)

// deviceOf returns how sessions are bound to the device. Requests of the pages'
// hosts make browsers renew the device cookie. A host may begin with a wildcard
// label, "*.", for preview deployments.
func deviceOf(s settings.Agent) oauthagent.Device {
	d := oauthagent.Device{
		Offer:    s.DeviceBinding.On(),
		Required: s.DeviceBinding.Mode == settings.DeviceBindingRequired,
		Lifetime: s.DeviceBinding.CookieLifetime,
	}
	for _, origin := range append(slices.Clip(s.Application.TrustedWebOrigins), s.Application.PreviewOrigin) {
		if u, err := url.Parse(origin); err == nil && u.Host != "" {
			d.Initiators = append(d.Initiators, u.Hostname())
		}
	}
	return d
}
