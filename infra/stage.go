package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// stage is one entry of "stages" in cdk.json. The fields not checked here are
// those of tokenhandler.Props and checked there.
type stage struct {
	name string

	regional       bool                   // is one region of a stage with regions
	sessionKeyKeys map[string]awskms.IKey // of the session key and its copies, by region; none: the account's

	Account string   `json:"account"` // with Region or Regions; neither: wherever the credentials lead
	Region  string   `json:"region"`
	Regions []string `json:"regions"` // a stack in each, one session in all

	Origins      []string `json:"origins" prop:"TrustedWebOrigins"`
	CookiePrefix string   `json:"cookiePrefix" prop:"CookieNamePrefix"`
	CSRFHeader   string   `json:"csrfHeader" prop:"CSRFHeader"`

	CookieFormat       string   `json:"cookieFormat" prop:"CookieFormat"` // sealed (the default) or curity
	CookieDomain       string   `json:"cookieDomain" prop:"CookieDomain"`
	CookieBasePath     string   `json:"cookieBasePath" prop:"CookieBasePath"`
	SessionKeyName     string   `json:"sessionKeyName" prop:"SessionKeyProps.Name"`               // of the secret with the cookies' key, existing unless sessionKeyReplicas
	SessionKeyReplicas []string `json:"sessionKeyReplicas" prop:"SessionKeyProps.ReplicaRegions"` // regions that get a copy: the secret is made here
	KeyRotation        string   `json:"keyRotation" prop:"KeyRotation"`                           // such as 30d; elsewhere: by another region

	Profile          string `json:"profile" prop:"Provider.Profile"` // oidc (the default), cognito, github or oauth2
	Issuer           string `json:"issuer" prop:"Provider.Issuer"`
	ClientID         string `json:"clientId" prop:"Provider.ClientID"`
	ClientSecretName string `json:"clientSecretName"` // of an existing secret, or its ARN
	Scope            string `json:"scope" prop:"Provider.Scope"`

	SessionIdleLifetime string `json:"sessionIdleLifetime" prop:"SessionIdleLifetime"` // such as 30m
	SessionLifetime     string `json:"sessionLifetime" prop:"SessionLifetime"`         // such as 8h
	Logout              string `json:"logout" prop:"Logout"`
	IDTokenHint         bool   `json:"idTokenHint" prop:"IDTokenHint"`
	TokenMediation      bool   `json:"tokenMediation" prop:"TokenMediation"`

	UsePhantomToken        bool     `json:"usePhantomToken" prop:"PhantomToken"`
	IntrospectionURL       string   `json:"introspectionUrl" prop:"PhantomToken.IntrospectionURL"`
	IntrospectionMediaType string   `json:"introspectionMediaType" prop:"PhantomToken.MediaType"`
	IntrospectionMaxAge    string   `json:"introspectionMaxAge" prop:"PhantomToken.MaxAge"` // such as 30s; 0s: not at all
	IntrospectionClientID  string   `json:"introspectionClientId" prop:"PhantomToken.ClientID"`
	IntrospectionSecret    string   `json:"introspectionClientSecretName"` // of an existing secret, or its ARN
	AllowToken             bool     `json:"allowToken" prop:"AllowBearer"`
	VerifyTokens           bool     `json:"verifyTokens" prop:"VerifyTokens"`
	Audience               []string `json:"audience" prop:"Audience"`

	DPoP bool `json:"dpop" prop:"DPoP"`

	AuthorizerCacheTTL     string `json:"authorizerCacheTtl" prop:"AuthorizerCaching.TTL"`         // such as 30s; "": nothing is kept
	AuthorizerCacheDialect string `json:"authorizerCacheDialect" prop:"AuthorizerCaching.Dialect"` // assistant (the default) or classic

	RedirectURI           string `json:"redirectUri" prop:"RedirectURI"`
	PostLogoutRedirectURI string `json:"postLogoutRedirectUri" prop:"PostLogoutRedirectURI"`

	AuthorizeEndpoint string `json:"authorizeEndpoint" prop:"Provider.AuthorizeEndpoint"`
	TokenEndpoint     string `json:"tokenEndpoint" prop:"Provider.TokenEndpoint"`
	UserInfoEndpoint  string `json:"userInfoEndpoint" prop:"Provider.UserInfoEndpoint"`
	JWKSEndpoint      string `json:"jwksEndpoint" prop:"Provider.JWKSEndpoint"`
	LogoutEndpoint    string `json:"logoutEndpoint" prop:"Provider.LogoutEndpoint"`

	RevocationEndpoint string `json:"revocationEndpoint" prop:"Provider.RevocationEndpoint"`
	PAREndpoint        string `json:"parEndpoint" prop:"Provider.PAREndpoint"`

	ClientAuthentication   string `json:"clientAuthentication" prop:"Provider.Authentication.Method"`
	ClientKMSKey           string `json:"clientKmsKey" prop:"Provider.Authentication.KMSKey"`                   // ARN of an existing key
	ClientPrivateKey       string `json:"clientPrivateKeySecretName" prop:"Provider.Authentication.PrivateKey"` // of an existing secret, or its ARN
	ClientKeyID            string `json:"clientKeyId" prop:"Provider.Authentication.KeyID"`
	ClientSigningAlgorithm string `json:"clientSigningAlgorithm" prop:"Provider.Authentication.Algorithm"`
	ClientTokenEndpointAud bool   `json:"clientAssertionForTokenEndpoint" prop:"Provider.Authentication.TokenEndpointAudience"`
	ClientCertificate      string `json:"clientCertificateSecretName" prop:"Provider.Authentication.Certificate"`
	ClientCertificateKey   string `json:"clientCertificateKeySecretName" prop:"Provider.Authentication.CertificateKey"`

	PushRequests    bool     `json:"pushAuthorizationRequests" prop:"Provider.Requests.Push"`
	SignRequests    bool     `json:"signAuthorizationRequests" prop:"Provider.Requests.Sign"`
	ResponseMode    string   `json:"responseMode" prop:"Provider.Requests.ResponseMode"`
	Resources       []string `json:"resources" prop:"Provider.Requests.Resources"`
	ExtraParameters []string `json:"extraParameters" prop:"Provider.Requests.ExtraParameters"`
	EssentialACR    bool     `json:"essentialAcr" prop:"Provider.Requests.EssentialACR"`

	Domain    *host     `json:"domain"` // the API on its own host
	Site      *host     `json:"site"`   // API and application on one host, by CloudFront
	Operation operation `json:"operation"`

	AgentPath string         `json:"agentPath" prop:"AgentPath"` // default: /oauth-agent
	Clients   map[string]any `json:"clients"`                    // more clients on the same API, by name

	Architecture string  `json:"architecture"` // arm64 (the default) or x86_64
	Routes       []route `json:"routes"`
}

// readStage reads the stage that the context names, with the fields the
// context overrides.
func readStage(node constructs.Node) (stage, error) {
	// Most fields are overridden by nothing, and every question to CDK's process
	// takes its time.
	all, _ := node.GetAllContext(nil).(map[string]any)
	return decodeStage(func(key string) any {
		if all[key] == nil {
			return nil
		}
		return node.TryGetContext(jsii.String(key))
	})
}

func decodeStage(get func(key string) any) (stage, error) {
	stages, _ := get("stages").(map[string]any)
	if len(stages) == 0 {
		return stage{}, errors.New(`the context has no "stages": run the app through the CDK CLI (npx cdk synth), which reads cdk.json`)
	}
	name, _ := get("stage").(string)
	fields, ok := stages[name].(map[string]any)
	if !ok {
		return stage{}, fmt.Errorf("stage %q is not in cdk.json: expected one of %s", name, strings.Join(sortedKeys(stages), ", "))
	}
	if !stageNameRE.MatchString(name) {
		return stage{}, fmt.Errorf("stage %q: expected a name of letters, digits and '-', it becomes part of the stack's name", name)
	}
	merged := map[string]any{}
	for key, value := range fields {
		merged[key] = value
	}
	for _, field := range fieldsOf[stage]() {
		if value := get(field.name); value != nil {
			override, err := field.parse(value)
			if err != nil {
				return stage{}, err
			}
			merged[field.name] = override
		}
	}
	s := stage{name: name}
	if err := strict(merged, &s); err != nil {
		return stage{}, fmt.Errorf("stage %s: %w", name, err)
	}
	if err := s.check(); err != nil {
		return stage{}, fmt.Errorf("stage %s: %w", name, err)
	}
	return s, nil
}

var (
	stageNameRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)
	accountRE   = regexp.MustCompile(`^[0-9]{12}$`)
	regionRE    = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
)

func (s stage) check() error {
	if len(s.Regions) == 0 && (s.Account == "") != (s.Region == "") {
		return errors.New("account and region: expected both or neither")
	}
	if s.Account != "" && !accountRE.MatchString(s.Account) {
		return fmt.Errorf("account is %q: expected 12 digits", s.Account)
	}
	if s.Region != "" && !regionRE.MatchString(s.Region) {
		return fmt.Errorf("region is %q: expected the name of an AWS region, such as eu-north-1", s.Region)
	}
	if !slices.Contains([]string{"", "arm64", "x86_64"}, s.Architecture) {
		return fmt.Errorf("architecture is %q: expected arm64 or x86_64", s.Architecture)
	}
	if _, _, err := s.lifetimes(); err != nil {
		return err
	}
	if _, err := s.furtherClients(); err != nil {
		return err
	}
	if _, _, err := s.keyRotation(); err != nil {
		return err
	}
	if err := s.checkProfile(); err != nil {
		return err
	}
	if err := s.checkRegions(); err != nil {
		return err
	}
	return s.checkRoutes()
}

// strict decodes a JSON object, passes over comments and refuses fields it does
// not know.
func strict(object map[string]any, into *stage) error {
	object, err := uncommented(object)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(into)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return fmt.Errorf("%s is a %s: expected %s", wrongType.Field, wrongType.Value, inWords(wrongType.Type))
	case err != nil && strings.HasPrefix(err.Error(), "json: unknown field "):
		accepted := names(fieldsOf[stage]())
		unknown := strings.TrimPrefix(err.Error(), "json: unknown field ")
		for _, part := range partsOf(object) {
			if _, here := part.object[strings.Trim(unknown, `"`)]; here && !slices.Contains(part.accepted, strings.Trim(unknown, `"`)) {
				return fmt.Errorf("unknown field %s of %s: expected one of %s", unknown, part.name, strings.Join(part.accepted, ", "))
			}
		}
		return fmt.Errorf("unknown field %s: expected one of %s", unknown, strings.Join(accepted, ", "))
	}
	return err
}

// part is an object within a stage.
type part struct {
	name     string
	object   map[string]any
	accepted []string
}

func partsOf(stage map[string]any) []part {
	var parts []part
	for name, accepted := range map[string][]string{"domain": names(fieldsOf[host]()), "site": names(fieldsOf[host]()), "operation": names(fieldsOf[operation]())} {
		if object, ok := stage[name].(map[string]any); ok {
			parts = append(parts, part{name, object, accepted})
		}
	}
	routes, _ := stage["routes"].([]any)
	for _, r := range routes {
		if object, ok := r.(map[string]any); ok {
			parts = append(parts, part{"a route", object, names(fieldsOf[route]())})
		}
	}
	return parts
}

func inWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return "an object"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Float64:
		return "a number"
	}
	return "a string"
}

// field is a field of stage or route.
type field struct {
	name string // in cdk.json
	prop string // in tokenhandler.Props
	typ  reflect.Type
}

func fieldsOf[T any]() []field {
	var fields []field
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() {
			fields = append(fields, field{f.Tag.Get("json"), f.Tag.Get("prop"), f.Type})
		}
	}
	return fields
}

func names(fields []field) []string {
	var list []string
	for _, f := range fields {
		list = append(list, f.name)
	}
	return list
}

// parse reads the value of -c field=value.
func (f field) parse(value any) (any, error) {
	text, ok := value.(string)
	if !ok {
		return value, nil // from cdk.json or another app: JSON already
	}
	switch f.typ {
	case reflect.TypeFor[[]string]():
		list := []string{}
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
		return list, nil
	case reflect.TypeFor[bool]():
		switch text {
		case "true", "false":
			return text == "true", nil
		}
		return nil, fmt.Errorf("-c %s: expected true or false, got %q", f.name, text)
	case reflect.TypeFor[*host](), reflect.TypeFor[operation](), typeOfClients:
		var object map[string]any
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			return nil, fmt.Errorf("-c %s: expected a JSON object: %w", f.name, err)
		}
		return object, nil
	case reflect.TypeFor[[]route]():
		var list []any
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return nil, fmt.Errorf(`-c %s: expected JSON such as [{"path":"/orders","methods":["GET"],"upstream":"https://…"}]: %w`, f.name, err)
		}
		return list, nil
	}
	return text, nil
}

// inStageWords names the fields of a stage where the construct names those of
// its Props.
func inStageWords(message string) string {
	fields := fieldsOf[stage]()
	// The longest first: Props.RedirectURI is part of no other, but may become.
	slices.SortFunc(fields, func(a, b field) int { return len(b.prop) - len(a.prop) })
	for _, f := range fields {
		if f.prop != "" {
			message = strings.ReplaceAll(message, "Props."+f.prop, f.name)
		}
	}
	return message
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
