package main

import (
	"strings"

	"github.com/tokenhandler/aws/internal/settings"
	"github.com/tokenhandler/aws/local/internal/provider"
)

// clientOf is the name of the client that a function is of, "" for the
// stage's own: the agent of the client admin is
// Stack/admin/TokenHandler/AgentFunction.
func clientOf(constructPath string) string {
	segments := strings.Split(strings.TrimSuffix(constructPath, "/Resource"), "/")
	if len(segments) < 4 {
		return ""
	}
	return segments[len(segments)-3]
}

// displayName tells the functions of several clients apart.
func displayName(constructPath string) string {
	return strings.TrimSpace(clientOf(constructPath) + " " + shortName(constructPath))
}

// registrations are the clients that the agents' settings describe, of those
// that use the bundled provider.
func (o options) registrations(issuer string, agents []settings.Agent) []provider.Client {
	var clients []provider.Client
	for _, agent := range agents {
		if agent.Provider.Issuer == issuer {
			client := provider.Client{ID: agent.Provider.ClientID, Secret: agent.Provider.ClientSecret, Name: agent.Provider.ClientID, RedirectURIs: redirectURIs(&agent.Application)}
			if agent.Application.PostLogoutRedirectURI != "" {
				client.PostLogoutRedirectURIs = []string{agent.Application.PostLogoutRedirectURI}
			}
			if agent.Sessions.Table != "" {
				client.Metadata = map[string]any{"backchannel_logout_uri": o.logoutURI(agent), "backchannel_logout_session_required": true}
			}
			clients = append(clients, client)
		}
	}
	return clients
}

// redirectURIs are those of an application. Of its previews, the provider knows
// the one with the label preview.
func redirectURIs(app *settings.Application) []string {
	uris := app.RedirectURIs("")
	if origin := strings.Replace(app.PreviewOrigin, "*", "preview", 1); app.PreviewOrigin != "" {
		uris = append(uris, app.RedirectURIs(origin)...)
	}
	return uris
}
