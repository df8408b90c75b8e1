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

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
)

// stage is one entry of "stages" in cdk.json. The fields not checked here are
// those of tokenhandler.Props and checked there.
type stage struct {
	name string

	Account string `json:"account"` // with Region; neither: wherever the credentials lead
	Region  string `json:"region"`

	Origins      []string `json:"origins" prop:"TrustedWebOrigins"`
	CookiePrefix string   `json:"cookiePrefix" prop:"CookieNamePrefix"`
	CSRFHeader   string   `json:"csrfHeader" prop:"CSRFHeader"`

	Issuer           string `json:"issuer" prop:"Provider.Issuer"`
	ClientID         string `json:"clientId" prop:"Provider.ClientID"`
	ClientSecretName string `json:"clientSecretName"` // of an existing secret, or its ARN
	Scope            string `json:"scope" prop:"Provider.Scope"`

	RedirectURI           string `json:"redirectUri" prop:"RedirectURI"`
	PostLogoutRedirectURI string `json:"postLogoutRedirectUri" prop:"PostLogoutRedirectURI"`

	AuthorizeEndpoint string `json:"authorizeEndpoint" prop:"Provider.AuthorizeEndpoint"`
	TokenEndpoint     string `json:"tokenEndpoint" prop:"Provider.TokenEndpoint"`
	UserInfoEndpoint  string `json:"userInfoEndpoint" prop:"Provider.UserInfoEndpoint"`
	JWKSEndpoint      string `json:"jwksEndpoint" prop:"Provider.JWKSEndpoint"`
	LogoutEndpoint    string `json:"logoutEndpoint" prop:"Provider.LogoutEndpoint"`

	Architecture string  `json:"architecture"` // arm64 (the default) or x86_64
	Routes       []route `json:"routes"`
}

// route is a tokenhandler.Route as cdk.json writes it.
type route struct {
	Path            string   `json:"path"`
	Methods         []string `json:"methods"`
	Upstream        string   `json:"upstream"`
	QueryParameters []string `json:"queryParameters"`
	RequestHeaders  []string `json:"requestHeaders"`
	ResponseHeaders []string `json:"responseHeaders"`
}

func (r route) construct() tokenhandler.Route { return tokenhandler.Route(r) }

// readStage reads the stage that the context names, with the fields the
// context overrides.
func readStage(node constructs.Node) (stage, error) {
	get := func(key string) any { return node.TryGetContext(jsii.String(key)) }
	return decodeStage(get)
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
	regionRE    = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

func (s stage) check() error {
	if (s.Account == "") != (s.Region == "") {
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
	if len(s.Routes) == 0 {
		return errors.New("routes is empty: expected at least one")
	}
	return nil
}

// strict decodes a JSON object and refuses fields it does not know.
func strict(object map[string]any, into *stage) error {
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
		if _, ofStage := object[strings.Trim(unknown, `"`)]; !ofStage {
			accepted = names(fieldsOf[route]())
			unknown += " of a route"
		}
		return fmt.Errorf("unknown field %s: expected one of %s", unknown, strings.Join(accepted, ", "))
	}
	return err
}

func inWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "an object"
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

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
