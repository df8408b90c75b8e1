package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/local/internal/provider"
)

// The user that the provider of the local run knows.
const (
	demoUser     = "demo"
	demoPassword = "demo"
)

// ordersClient is the sample upstream API's own client at the provider.
const ordersClient = "orders-api"

// startProvider starts the OpenID Provider with the client that the agent's
// settings describe, and the upstream API's own client.
func startProvider(ctx context.Context, o options, c *console, root string, launched *provider.Launched, agent settings.Agent, others []settings.Agent, orders settings.Secret) (*provider.Provider, error) {
	began := time.Now()
	config := provider.Config{
		Script: providerScript(root), Issuer: agent.Provider.Issuer, AccessTokenTTL: o.tokenLifetime,
		Proxied: true, Hosts: []string{strings.TrimPrefix(o.backChannel(), "http://")},
		Clients:         o.registrations(agent.Provider.Issuer, []settings.Agent{agent}),
		ResourceServers: []provider.ResourceServer{{ID: ordersClient, Secret: orders}},
		Users: []provider.User{{
			Subject: "user-7f3a", Login: demoUser, Password: demoPassword,
			// A name outside ASCII, to see that claims arrive intact.
			Claims: map[string]any{"name": "Zoë Ångström", "given_name": "Zoë", "family_name": "Ångström", "preferred_username": demoUser, "email": "zoe@example.com", "email_verified": true},
		}},
	}
	if len(config.Clients) == 0 {
		return nil, fmt.Errorf("local: the issuer is %q, expected %q", agent.Provider.Issuer, o.login())
	}
	if o.app == "" && o.assembly == "" {
		config.Clients[0].Name = "Orders, the sample application"
	}
	var err error
	if config.Clients[0], config.Features, err = register(agent, config.Clients[0]); err != nil {
		return nil, err
	}
	config.Clients = append(config.Clients, o.registrations(agent.Provider.Issuer, others)...)
	config.Features.BackChannelLogout = slices.ContainsFunc(config.Clients, func(c provider.Client) bool { return c.Metadata["backchannel_logout_uri"] != nil })
	config.Log = providerLog(o, c)
	var idp *provider.Provider
	if launched != nil {
		idp, err = launched.Start(ctx, config)
	} else {
		idp, err = provider.Start(ctx, config)
	}
	if err != nil {
		return nil, err
	}
	c.part("provider", agent.Provider.Issuer, time.Since(began))
	return idp, nil
}

func providerScript(root string) string {
	return filepath.Join(root, "local", "provider", "provider.mjs")
}

func providerLog(o options, c *console) func(string) {
	if !o.verbose {
		return nil
	}
	return func(line string) { c.child("provider", line) }
}
