package main

import (
	"net/url"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/oauthagent"
)

// deviceOf returns how sessions are bound to the device. The pages' hosts are
// those whose requests make browsers renew the device cookie.
func deviceOf(s settings.Agent) oauthagent.Device {
	d := oauthagent.Device{
		Offer:    s.DeviceBinding.On(),
		Required: s.DeviceBinding.Mode == settings.DeviceBindingRequired,
		Lifetime: s.DeviceBinding.CookieLifetime,
	}
	for _, origin := range s.Application.TrustedWebOrigins {
		if u, err := url.Parse(origin); err == nil {
			d.Initiators = append(d.Initiators, u.Hostname())
		}
	}
	return d
}
