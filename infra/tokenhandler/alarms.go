package tokenhandler

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokenhandler/aws/internal/metrics"
)

// Alarms configure [TokenHandler.AddAlarms].
type Alarms struct {
	// Topic is told when an alarm starts and when it ends. Nil: no
	// notifications.
	Topic awssns.ITopic
	// AuthorizerP99, AgentP99 and APIP99 are latencies in milliseconds. Default:
	// 500, 5,000 and 3,000. The agent's has its calls to the provider in it.
	AuthorizerP99, AgentP99, APIP99 int
	// Unopened is how many session cookies may fail to open within five
	// minutes. Some always do: old ones, forged ones. Many at once mean that
	// the key has changed. Default: 50.
	Unopened int
	// Unproved is how many requests of bound sessions may come without a proof of
	// the device within five minutes. Browsers that cannot prove their key make a
	// few; many may be copied cookies. Default: 50. Only with Props.DeviceBinding.
	Unproved int
}

// AddAlarms makes alarms for states that need an operator: errors and
// throttling of both functions, responses of 500 and more of the agent and the
// API, slow responses, session cookies that do not open, and a provider that
// fails. docs/operations.md describes the reaction to each.
//
// The functions of an API of Extend are watched here, too.
func (h *TokenHandler) AddAlarms(a Alarms) []awscloudwatch.Alarm {
	m := h.watch("AddAlarms")
	for value, def := range map[*int]int{&a.AuthorizerP99: 500, &a.AgentP99: 5000, &a.APIP99: 3000, &a.Unopened: 50, &a.Unproved: 50} {
		if *value == 0 {
			*value = def
		}
	}
	var alarms []awscloudwatch.Alarm
	add := func(id, description string, metric awscloudwatch.IMetric, threshold, periods int) {
		alarm := awscloudwatch.NewAlarm(h, jsii.String("Alarm"+id), &awscloudwatch.AlarmProps{
			AlarmDescription:   jsii.String("Token handler: " + description),
			Metric:             metric,
			Threshold:          jsii.Number(threshold),
			EvaluationPeriods:  jsii.Number(periods),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
			TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
		})
		if a.Topic != nil {
			action := awscloudwatchactions.NewSnsAction(a.Topic)
			alarm.AddAlarmAction(action)
			alarm.AddOkAction(action)
		}
		alarms = append(alarms, alarm)
	}
	add("AuthorizerErrors", "the authorizer fails; every request is refused with 500", m.authorizerErrors, 1, 1)
	add("AuthorizerThrottles", "the authorizer is throttled; requests are refused with 500", m.authorizerThrottles, 1, 1)
	// Lambda's Duration has no initialization in it; the API's latency has.
	add("AuthorizerSlow", "the authorizer is slow (p99, cold starts not included)", m.authorizerP99, a.AuthorizerP99, 3)
	add("AgentErrors", "the agent fails", m.agentErrors, 1, 1)
	add("AgentThrottles", "the agent is throttled; nobody can sign in or refresh", m.agentThrottles, 1, 1)
	add("AgentSlow", "the agent is slow (p99, cold starts not included)", m.agentP99, a.AgentP99, 3)
	add("Agent5xx", "the agent answers 500 or more", m.agent5xx, 5, 1)
	add("Api5xx", "the API answers 500 or more", m.api5xx, 5, 2)
	add("ApiSlow", "the API is slow (p99, cold starts included)", m.apiP99, a.APIP99, 3)
	add("Unopened", "session cookies do not open: has the key changed?", m.unopened, a.Unopened, 1)
	add("ProviderErrors", "the OpenID Provider does not answer as it should", m.providerErrors, 5, 1)
	if m.unproved != nil {
		add("Unproved", "bound sessions come without their device: are cookies copied?", m.unproved, a.Unproved, 1)
	}
	if m.rotationErrors != nil {
		add("RotationErrors", "the key of the cookies is not rotated", m.rotationErrors, 1, 1)
	}
	return alarms
}

// watched are the metrics that alarms and dashboard show.
type watched struct {
	authorizerErrors, authorizerThrottles, authorizerP50, authorizerP99 awscloudwatch.IMetric
	agentErrors, agentThrottles, agent5xx, agentP50, agentP99           awscloudwatch.IMetric
	apiCalls, api4xx, api5xx, apiP50, apiP99                            awscloudwatch.IMetric
	rotationErrors                                                      awscloudwatch.IMetric // nil without rotation
	unopened, undecided, providerErrors                                 awscloudwatch.IMetric
	bound, unproved                                                     awscloudwatch.IMetric // nil without device binding
	// By code: one line each in a graph, and in no alarm.
	decisions, requests awscloudwatch.IMetric
}

// watch lists the metrics that caller is to show: those that AWS makes of the
// functions and the API, and those that the functions write.
func (h *TokenHandler) watch(caller string) watched {
	switch {
	case !hasStage(h.API):
		misuse("%s: the API has Deploy false and no stage: give it one with SetDeploymentStage first", caller)
	case h.props.Operation.Metrics == MetricsNone:
		misuse("%s: expected Props.Operation.Metrics %q, it shows metrics that the functions write", caller, MetricsEMF)
	}
	return h.watchable()
}

// hasStage reports whether the API has a stage, its own or that of
// SetDeploymentStage. CDK's binding for Go panics without one.
func hasStage(api awsapigateway.RestApi) (ok bool) {
	defer func() { ok = recover() == nil }()
	return api.DeploymentStage() != nil
}

func (h *TokenHandler) newWatched() watched {
	authorizer, agent := h.AuthorizerFunction, h.AgentFunction
	stage := h.API.DeploymentStage()
	var rotationErrors awscloudwatch.IMetric
	if h.rotation != nil {
		rotationErrors = h.rotation.MetricErrors(sum())
	}
	var bound, unproved awscloudwatch.IMetric
	if h.props.DeviceBinding.On() {
		bound = written(authorizer, metrics.BoundSessions).With(&awscloudwatch.MetricOptions{
			Statistic: jsii.String("Average"), Label: jsii.String("share of requests in bound sessions")})
		// Copied cookies may be tried at one of the two only.
		unproved = awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
			Expression: jsii.String("FILL(authorizer, 0) + FILL(agent, 0)"),
			UsingMetrics: &map[string]awscloudwatch.IMetric{
				"authorizer": written(authorizer, metrics.UnprovedSessions), "agent": written(agent, metrics.UnprovedSessions)},
			Label:  jsii.String(metrics.UnprovedSessions),
			Period: awscdk.Duration_Minutes(jsii.Number(5)),
		})
	}
	return watched{
		bound:               bound,
		unproved:            unproved,
		rotationErrors:      rotationErrors,
		authorizerErrors:    authorizer.MetricErrors(sum()),
		authorizerThrottles: authorizer.MetricThrottles(sum()),
		authorizerP50:       duration(authorizer, "p50"),
		authorizerP99:       duration(authorizer, "p99"),
		agentErrors:         agent.MetricErrors(sum()),
		agentThrottles:      agent.MetricThrottles(sum()),
		agent5xx:            written(agent, metrics.Failures),
		agentP50:            duration(agent, "p50"),
		agentP99:            duration(agent, "p99"),
		apiCalls:            stage.MetricCount(sum()),
		api4xx:              stage.MetricClientError(sum()),
		api5xx:              stage.MetricServerError(sum()),
		apiP50:              latency(stage, "p50"),
		apiP99:              latency(stage, "p99"),
		unopened:            written(authorizer, metrics.DecryptionFailures),
		undecided:           written(authorizer, metrics.IntrospectionFailures),
		providerErrors:      written(agent, metrics.ProviderFailures),
		decisions:           search(authorizer, metrics.Decisions, metrics.Code),
		requests:            search(agent, metrics.Requests, metrics.Endpoint, metrics.Code),
	}
}

// written is a metric that a function writes by no dimension but its own name.
func written(f awslambda.Function, name string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(metrics.Namespace), MetricName: jsii.String(name),
		DimensionsMap: &map[string]*string{metrics.Function: f.FunctionName()},
		Statistic:     jsii.String("Sum"), Period: awscdk.Duration_Minutes(jsii.Number(5)),
	})
}

// search finds the metrics of a name that a function writes by further
// dimensions, whichever values there are of them, and labels each with those.
func search(f awslambda.Function, name string, dimensions ...string) awscloudwatch.IMetric {
	var labels []string
	for _, d := range dimensions {
		labels = append(labels, "${PROP('Dim."+d+"')}")
	}
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String(fmt.Sprintf(`SEARCH('{%s,%s,%s} MetricName="%s" %s="%s"', 'Sum', 300)`, metrics.Namespace,
			metrics.Function, strings.Join(dimensions, ","), name, metrics.Function, *f.FunctionName())),
		Label:  jsii.String(strings.Join(labels, " ")),
		Period: awscdk.Duration_Minutes(jsii.Number(5)),
	})
}

func sum() *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Period: awscdk.Duration_Minutes(jsii.Number(5))}
}

func percentile(p string) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Statistic: jsii.String(p), Period: awscdk.Duration_Minutes(jsii.Number(5)), Label: jsii.String(p)}
}

func duration(f awslambda.Function, p string) awscloudwatch.IMetric {
	return f.MetricDuration(percentile(p))
}

func latency(s awsapigateway.Stage, p string) awscloudwatch.IMetric {
	return s.MetricLatency(percentile(p))
}
