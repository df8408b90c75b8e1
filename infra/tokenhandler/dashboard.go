package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// AddDashboard makes a CloudWatch dashboard of what AddAlarms watches, and of
// how many requests are let through and refused.
func (h *TokenHandler) AddDashboard() awscloudwatch.Dashboard {
	if h.metrics == nil {
		misuse("AddDashboard: expected it of the token handler that New made, not of Extend")
	}
	m := h.metrics()
	dashboard := awscloudwatch.NewDashboard(h, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DefaultInterval: awscdk.Duration_Hours(jsii.Number(24)),
	})
	graph := func(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
			Title: jsii.String(title), Left: &metrics, Width: jsii.Number(8), Height: jsii.Number(6),
			LeftYAxis: &awscloudwatch.YAxisProps{Min: jsii.Number(0)},
		})
	}
	dashboard.AddWidgets(
		graph("API: requests and errors", m.apiCalls, m.api4xx, m.api5xx),
		graph("API: latency", m.apiP50, m.apiP99),
		graph("Refused by the authorizer", m.authorizerCalls, m.refused, m.unopened),
	)
	dashboard.AddWidgets(
		graph("Authorizer: duration", m.authorizerP50, m.authorizerP99),
		graph("Authorizer: errors and throttles", m.authorizerErrors, m.authorizerThrottles),
		graph("Agent: requests, errors, throttles", m.agentCalls, m.agent5xx, m.agentErrors, m.agentThrottles, m.providerErrors),
	)
	return dashboard
}
