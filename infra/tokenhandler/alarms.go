package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
)

// Alarms configure [TokenHandler.AddAlarms].
type Alarms struct {
	// Topic is told when an alarm rings and when it stops. Nil: nobody.
	Topic awssns.ITopic
	// AuthorizerP99 and APIP99 are latencies in milliseconds. Default: 500 and
	// 3,000.
	AuthorizerP99, APIP99 int
	// Unopened is how many session cookies may fail to open within five
	// minutes. Some always do: old ones, forged ones. Many at once mean that
	// the key has changed. Default: 50.
	Unopened int
}

// Texts of the Lambdas' logs that the metric filters look for.
const (
	logUnopened      = "The session cookie does not open"
	logProviderError = "authorization_server_error"
)

// AddAlarms makes alarms for what somebody should look at: errors and
// throttling of both functions, answers of 500 and more of the agent and the
// API, slow ones, session cookies that do not open, and a provider that does
// not answer. docs/operations.md says what to do about each. The custom
// metrics come from the functions' logs and name no user.
//
// It is for the construct that New made; an API of Extend has its functions
// watched there.
func (h *TokenHandler) AddAlarms(a Alarms) []awscloudwatch.Alarm {
	if h.metrics == nil {
		misuse("AddAlarms: expected it of the token handler that New made, not of Extend")
	}
	for value, def := range map[*int]int{&a.AuthorizerP99: 500, &a.APIP99: 3000, &a.Unopened: 50} {
		if *value == 0 {
			*value = def
		}
	}
	m := h.metrics()
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
	add("AuthorizerSlow", "the authorizer is slow (p99)", m.authorizerP99, a.AuthorizerP99, 3)
	add("AgentErrors", "the agent fails", m.agentErrors, 1, 1)
	add("AgentThrottles", "the agent is throttled; nobody can sign in or refresh", m.agentThrottles, 1, 1)
	add("Agent5xx", "the agent answers 500 or more", m.agent5xx, 5, 1)
	add("Api5xx", "the API answers 500 or more", m.api5xx, 5, 2)
	add("ApiSlow", "the API is slow (p99)", m.apiP99, a.APIP99, 3)
	add("Unopened", "session cookies do not open: has the key changed?", m.unopened, a.Unopened, 1)
	add("ProviderErrors", "the OpenID Provider does not answer as it should", m.providerErrors, 5, 1)
	return alarms
}

// metrics are what alarms and dashboard show.
type metrics struct {
	authorizerErrors, authorizerThrottles, authorizerP50, authorizerP99, authorizerCalls awscloudwatch.IMetric
	agentErrors, agentThrottles, agentP99, agentCalls, agent5xx                          awscloudwatch.IMetric
	apiCalls, api4xx, api5xx, apiP50, apiP99                                             awscloudwatch.IMetric
	refused, unopened, providerErrors                                                    awscloudwatch.IMetric
}

// newMetrics makes the metric filters.
func (h *TokenHandler) newMetrics() metrics {
	namespace := "TokenHandler/" + *awscdk.Names_UniqueResourceName(h, &awscdk.UniqueResourceNameOptions{MaxLength: jsii.Number(64), Separator: jsii.String("-")})
	filter := func(id, metric string, group awslogs.ILogGroup, pattern awslogs.IFilterPattern) awscloudwatch.IMetric {
		return awslogs.NewMetricFilter(h, jsii.String("Metric"+id), &awslogs.MetricFilterProps{
			LogGroup: group, MetricNamespace: jsii.String(namespace), MetricName: jsii.String(metric),
			FilterPattern: pattern, MetricValue: jsii.String("1"), DefaultValue: jsii.Number(0),
		}).Metric(sum())
	}
	text := func(field, value string) awslogs.JsonPattern {
		return awslogs.FilterPattern_StringValue(jsii.String(field), jsii.String("="), jsii.String(value))
	}
	authorizer, agent := h.AuthorizerFunction.LogGroup(), h.AgentFunction.LogGroup()
	stage := h.API.DeploymentStage()
	return metrics{
		authorizerErrors:    h.AuthorizerFunction.MetricErrors(sum()),
		authorizerThrottles: h.AuthorizerFunction.MetricThrottles(sum()),
		authorizerP50:       duration(h.AuthorizerFunction, "p50"),
		authorizerP99:       duration(h.AuthorizerFunction, "p99"),
		authorizerCalls:     h.AuthorizerFunction.MetricInvocations(sum()),
		agentErrors:         h.AgentFunction.MetricErrors(sum()),
		agentThrottles:      h.AgentFunction.MetricThrottles(sum()),
		agentP99:            duration(h.AgentFunction, "p99"),
		agentCalls:          h.AgentFunction.MetricInvocations(sum()),
		agent5xx: filter("Agent5xx", "Agent5xx", agent,
			awslogs.FilterPattern_NumberValue(jsii.String("$.status"), jsii.String(">="), jsii.Number(500))),
		apiCalls: stage.MetricCount(sum()),
		api4xx:   stage.MetricClientError(sum()),
		api5xx:   stage.MetricServerError(sum()),
		apiP50:   latency(stage, "p50"),
		apiP99:   latency(stage, "p99"),
		refused:  filter("Refused", "Refused", authorizer, text("$.msg", "refused")),
		unopened: filter("Unopened", "Unopened", authorizer, text("$.reason", logUnopened)),
		providerErrors: filter("ProviderErrors", "ProviderErrors", agent,
			text("$.code", logProviderError)),
	}
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
