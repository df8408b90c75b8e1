package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/lambda/internal/oauthagent"
)

func TestDeviceOf(t *testing.T) {
	var s settings.Agent
	s.Application.TrustedWebOrigins = []string{"https://www.example.com", "http://localhost:3000"}
	s.Application.PreviewOrigin = "https://*.preview.example.com"
	s.DeviceBinding = settings.DeviceBinding{Mode: settings.DeviceBindingRequired, CookieLifetime: time.Minute}
	want := oauthagent.Device{Offer: true, Required: true, Lifetime: time.Minute,
		Initiators: []string{"www.example.com", "localhost", "*.preview.example.com"}}
	if diff := cmp.Diff(want, deviceOf(s)); diff != "" {
		t.Error(diff)
	}
	s.DeviceBinding.Mode = settings.DeviceBindingOff
	s.Application.PreviewOrigin = ""
	want = oauthagent.Device{Lifetime: time.Minute, Initiators: []string{"www.example.com", "localhost"}}
	if diff := cmp.Diff(want, deviceOf(s)); diff != "" {
		t.Error(diff)
	}
}
