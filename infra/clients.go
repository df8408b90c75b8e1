package main

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// clientNameRE: the name becomes part of construct paths and outputs.
var clientNameRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,31}$`)

// ofTheAPI are the fields that a stage says once for all its clients.
var ofTheAPI = []string{"account", "region", "regions", "architecture", "domain", "site", "operation", "clients"}

// furtherClients reads the stage's clients besides its own, by name. Each is
// written as a stage is, with an agentPath and a cookiePrefix of its own, and
// inherits nothing: what one application may do is not to follow from another.
func (s stage) furtherClients() ([]stage, error) {
	var clients []stage
	for _, name := range sortedKeys(s.Clients) {
		client, err := decodeClient(name, s.Clients[name])
		if err != nil {
			return nil, fmt.Errorf("client %s: %w", name, err)
		}
		client.Architecture, client.Account, client.Region = s.Architecture, s.Account, s.Region
		if err := client.checkRoutes(); err != nil { // again: now it is known where
			return nil, fmt.Errorf("client %s: %w", name, err)
		}
		clients = append(clients, client)
	}
	return clients, nil
}

func decodeClient(name string, value any) (stage, error) {
	client := stage{name: name}
	fields, ok := value.(map[string]any)
	if !ok {
		return client, errors.New("is no object: expected one with the fields of a stage")
	}
	if !clientNameRE.MatchString(name) {
		return client, errors.New("expected a name of 1 to 32 letters and digits")
	}
	for _, field := range ofTheAPI {
		if fields[field] != nil {
			return client, fmt.Errorf("%s is set: expected it of the stage only", field)
		}
	}
	if err := strict(fields, &client); err != nil {
		return client, err
	}
	return client, client.check()
}

// addClients adds them to the API of the stage's own.
func (s stage) addClients(stack awscdk.Stack, first *tokenhandler.TokenHandler) {
	clients, _ := s.furtherClients() // check has seen that they read
	for _, client := range clients {
		scope := constructs.NewConstruct(stack, jsii.String(client.name))
		props := client.props(scope)
		props.API = first.API
		handler := tokenhandler.New(scope, "TokenHandler", props)
		client.addRoutes(scope, handler)
		if handler.ClientSecret != nil {
			output(stack, client.name+"ClientSecretArn", "OAuth client secret of "+client.name+": register its value at the provider", handler.ClientSecret.SecretArn())
		}
		output(stack, client.name+"EncryptionKeyArn", "Key of the session cookies of "+client.name, handler.CookieKeySecret.SecretArn())
	}
}

var typeOfClients = reflect.TypeFor[map[string]any]()
