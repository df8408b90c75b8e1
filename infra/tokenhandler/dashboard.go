package tokenhandler

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// AddDashboard makes a CloudWatch dashboard of the metrics that AddAlarms
// watches, and of results: the authorizer's decisions by code, the agent's
// responses by endpoint and code.
func (h *TokenHandler) AddDashboard() awscloudwatch.Dashboard {
	m := h.watch("AddDashboard")
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
		graph("Authorizer: decisions by code", m.decisions),
	)
	dashboard.AddWidgets(
		graph("Authorizer: duration", m.authorizerP50, m.authorizerP99),
		graph("Authorizer: errors and throttles", m.authorizerErrors, m.authorizerThrottles, m.unopened, m.undecided),
		graph("Agent: requests by endpoint and code", m.requests),
	)
	last := []awscloudwatch.IWidget{
		graph("Agent: duration", m.agentP50, m.agentP99),
		graph("Agent: errors and throttles", m.agent5xx, m.agentErrors, m.agentThrottles, m.providerErrors),
	}
	if m.bound != nil {
		last = append(last, graph("Device binding: share of bound sessions", m.bound), graph("Device binding: requests without a proof", m.unproved))
	}
	dashboard.AddWidgets(last...)
	return dashboard
}
