package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/infra/tokenhandler"
	"github.com/tokenhandler/aws/internal/settings"
)

// stage is one entry of "stages" in cdk.json: the JSON form of
// tokenhandler.Props, and the resources around a token handler. The fields that
// are constructs of the CDK are given by name or ARN (given.go).
type stage struct {
	name string

	given    givens                 // texts of the fields that are constructs
	regional bool                   // is one region of a stage with regions
	copies   []string               // regions that get copies of the cookie key's secret
	keys     map[string]awskms.IKey // that encrypt the cookie key's secret, by region; nil: the account's

	// Account is the AWS account to deploy to, with Region or Regions. Default:
	// the account of the credentials.
	Account string `json:"account"`
	// Region is the AWS region to deploy to, with Account. Default: the region of
	// the credentials.
	Region string `json:"region"`
	// Regions are two or more AWS regions to deploy to, instead of Region. A
	// session that began in one is valid in all.
	Regions []string `json:"regions"`

	tokenhandler.Props
	Around around `json:"operation"`

	// Site serves API and application on one host, through CloudFront.
	Site *tokenhandler.SiteProps `json:"site"`

	// Routes are the routes of the API. At least one is required.
	Routes []route `json:"routes"`

	// Clients are further clients on the same API, by name. Each is written like
	// a stage, with agentPath and cookiePrefix of its own, and inherits no field.
	Clients map[string]any `json:"clients"`
}

// around holds the resources that the app adds around a token handler.
type around struct {
	// AccountLoggingRole makes the role with which API Gateway writes the logs of
	// every API of the account and region. Required once, with AccessLogs.
	AccountLoggingRole bool `json:"accountLoggingRole"`
	// Alarms makes CloudWatch alarms: docs/operations.md.
	Alarms bool `json:"alarms"`
	// AlarmTopic is the SNS topic that is told of alarms.
	AlarmTopic awssns.ITopic `json:"alarmTopicArn"`
	// Dashboard makes a CloudWatch dashboard.
	Dashboard bool `json:"dashboard"`
	// Tags are tags of all resources.
	Tags map[string]string `json:"tags"`
}

// route is a route of a stage.
type route struct {
	tokenhandler.Route
	given givens
	// Public is the reason why the route is open to everyone. Without it the
	// route is protected.
	Public string `json:"public"`
}

// renamed maps former names of fields to their names.
var renamed = map[string]string{"sessionKeyName": "cookieKeySecretName", "keyRotation": "cookieKeyRotation"}

// readStage reads the stage that the context names, with the fields that the
// context overrides.
func readStage(node constructs.Node) (stage, error) {
	// Few fields are overridden, and each question to CDK's process takes time.
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
		return stage{}, fmt.Errorf("stage %q is not in cdk.json: it must be one of %s", name, strings.Join(slices.Sorted(maps.Keys(stages)), ", "))
	}
	if !stageNameRE.MatchString(name) {
		return stage{}, fmt.Errorf("stage %q must be a name of letters, digits and '-': it becomes part of the stack's name", name)
	}
	s := stage{name: name}
	d := decoder{}
	merged := d.override(fields, get, &s)
	s.decode(&d, merged)
	if err := d.err(); err != nil {
		return stage{}, fmt.Errorf("stage %s: %w", name, err)
	}
	return s, nil
}

// decode reads the fields and checks the rules of the app.
func (s *stage) decode(d *decoder, fields map[string]any) {
	fields = maps.Clone(fields)
	for former, now := range renamed {
		if value, given := fields[former]; given && fields[now] == nil {
			fields[now] = value
			delete(fields, former)
		}
	}
	s.given = d.decode(s, fields, "")
	s.Routes = d.routes(fields["routes"])
	// One field switches introspection off. The others may stay.
	if fields["usePhantomToken"] == false {
		s.PhantomToken = tokenhandler.PhantomToken{}
		delete(s.given, settings.SettingOf(s, &s.PhantomToken.ClientSecret).StageName())
	}
	if len(d.faults) == 0 {
		s.check(d)
	}
}

var (
	stageNameRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)
	accountRE   = regexp.MustCompile(`^[0-9]{12}$`)
	regionRE    = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
)

// check checks the settings of the app. The construct checks the rest.
func (s *stage) check(d *decoder) {
	c := settings.NewChecker(s)
	c.ShowValues = true
	o := &s.Operation
	c.Must(s.Account == "" || accountRE.MatchString(s.Account), &s.Account, "be 12 digits")
	c.Must(s.Region == "" || regionRE.MatchString(s.Region), &s.Region, "be the name of an AWS region, such as eu-north-1")
	c.Refuse(s.Account == "" && s.Region != "", &s.Account, "is required with %s", &s.Region)
	c.Refuse(s.Account != "" && s.Region == "" && len(s.Regions) == 0, &s.Region, "is required with %s", &s.Account)
	c.Refuse(s.Domain != nil && s.Site != nil, &s.Site, "cannot be combined with %s: a site serves API and application on one host", &s.Domain)
	c.Refuse(s.given.has(s, &s.Around.AlarmTopic) && !s.Around.Alarms, &s.Around.AlarmTopic, "requires %s", &s.Around.Alarms)
	c.Refuse(s.Around.AccountLoggingRole && !o.AccessLogs, &s.Around.AccountLoggingRole, "requires %s", &o.AccessLogs)
	n := &s.Network
	c.Refuse(s.given.has(s, &n.VPC) && !s.given.has(s, &n.Subnets), &n.Subnets, "is required with %s", &n.VPC)
	c.Refuse(s.given.has(s, &n.VPC) && len(s.Regions) > 0, &n.VPC, "cannot be combined with %s: a VPC belongs to one region", &s.Regions)
	noMetrics := o.Metrics == tokenhandler.MetricsNone
	c.Refuse(s.Around.Alarms && noMetrics, &s.Around.Alarms, "cannot be combined with %s none: alarms watch these metrics", &o.Metrics)
	c.Refuse(s.Around.Dashboard && noMetrics, &s.Around.Dashboard, "cannot be combined with %s none: the dashboard shows these metrics", &o.Metrics)
	c.Refuse(len(s.Routes) == 0, &s.Routes, "is empty: it must have at least one route")
	s.checkRegions(c)
	d.add(c.Faults(), "")
	s.checkFunctions(d)
	for _, name := range slices.Sorted(maps.Keys(s.Clients)) {
		s.client(d, name)
	}
}

// checkFunctions refuses functions of other accounts and regions, because this
// stack makes the permission to invoke them.
func (s *stage) checkFunctions(d *decoder) {
	for i := range s.Routes {
		r := &s.Routes[i]
		c := settings.NewChecker(r, s)
		parts := strings.Split(r.given.text(r, &r.Function), ":")
		elsewhere := len(parts) > 4 && s.Region != "" && (parts[3] != s.Region || parts[4] != s.Account)
		c.Refuse(elsewhere, &r.Function, "must be in %s "+s.Region+" and %s "+s.Account, &s.Region, &s.Account)
		c.Refuse(len(parts) > 4 && len(s.Regions) > 0, &r.Function, "cannot be combined with %s: a function belongs to one region", &s.Regions)
		c.Refuse(r.given.has(r, &r.VPCLink) && len(s.Regions) > 0, &r.VPCLink, "cannot be combined with %s: a VPC link belongs to one region", &s.Regions)
		c.Refuse(r.PrivateLink != nil && len(s.Regions) > 0, &r.PrivateLink, "cannot be combined with %s: a VPC link belongs to one region", &s.Regions)
		c.Refuse(r.given.has(r, &r.VPCLink) && r.Upstream == "", &r.VPCLink, "requires %s", &r.Upstream)
		d.add(c.Faults(), fmt.Sprintf("routes[%d].", i))
	}
}
