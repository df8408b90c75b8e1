package main

import (
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// clientNameRE: the name becomes part of construct paths and outputs.
var clientNameRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,31}$`)

// ofTheAPI are the fields that a stage has once, for all its clients.
var ofTheAPI = []string{"account", "region", "regions", "architecture", "domain", "site", "operation", "stageName", "production", "clients"}

// client reads one of the stage's further clients. It inherits no field: the
// rights of one application must not follow from those of another.
func (s *stage) client(to *decoder, name string) stage {
	d := &decoder{prefix: to.prefix + "clients." + name + "."}
	client := stage{name: name}
	fields, ok := s.Clients[name].(map[string]any)
	switch {
	case !ok:
		to.fault("clients.%s must be an object, got %s", name, quoted(s.Clients[name]))
		return client
	case !clientNameRE.MatchString(name):
		to.fault("clients.%s must have a name of 1 to 32 letters and digits", name)
		return client
	}
	for _, field := range ofTheAPI {
		if fields[field] != nil {
			d.fault("%s belongs to the stage, not to a client", field)
		}
	}
	if len(d.faults) == 0 {
		client.decode(d, fields)
		client.Account, client.Region, client.Production = s.Account, s.Region, s.Production
		client.checkFunctions(d) // again: the region is known now
		client.given["architecture"] = s.given["architecture"]
	}
	to.faults = append(to.faults, d.faults...)
	return client
}

// addClients adds the clients to the API of the stage.
func (s *stage) addClients(stack awscdk.Stack, first *tokenhandler.TokenHandler) {
	for _, name := range sortedKeys(s.Clients) {
		client := s.client(&decoder{}, name) // without faults: decodeStage has checked it
		inStage("clients."+name+".", func() {
			scope := constructs.NewConstruct(stack, jsii.String(client.name))
			props := client.props(scope)
			props.API = first.API
			handler := tokenhandler.New(scope, "TokenHandler", props)
			client.addRoutes(scope, handler)
			if handler.ClientSecret != nil {
				output(stack, client.name+"ClientSecretArn", "OAuth client secret of "+client.name+": register its value at the provider", handler.ClientSecret.SecretArn())
			}
			output(stack, client.name+"EncryptionKeyArn", "Key of the session cookies of "+client.name, handler.CookieKeySecret.SecretArn())
		})
	}
}
