package main

// item is a line of the monthly bill.
type item struct {
	name   string
	amount float64 // units in a month, all regions
	usd    float64
}

// durations of one invocation, in seconds, with the start of new environments.
type durations struct{ authorizer, agent float64 }

const (
	// Bytes of a log line that API Gateway or Lambda bills: the metrics of one
	// request (docs/deploying.md, "Costs"), and Lambda's own START, END and
	// REPORT lines.
	metricsLine  = 400
	platformLine = 450
	// Custom metrics, alarms and secrets of one region with the defaults and
	// operation.alarms: docs/deploying.md, "Costs".
	metrics = 35
	alarms  = 11
	secrets = 2
	// Bytes of a response of the agent: its body and Set-Cookie headers.
	agentResponse = 4000
)

// bill prices a month. Each region has its own tiers.
func (s scenario) bill(l load, d durations, list priceList) []item {
	gbSeconds := func(invocations, seconds float64) float64 {
		return invocations * seconds * float64(s.memory) / 1024
	}
	regions, sessions := float64(s.regions), l.perMonth
	invocations := sessions * (l.authorizer + l.agent)
	lines := []struct {
		name, price string
		amount      float64 // in one region
	}{
		{"API Gateway requests", "gateway request", sessions * l.gateway},
		{"Lambda requests", "lambda request", invocations},
		{"Lambda GB-seconds, authorizer", "lambda GB-second", gbSeconds(sessions*l.authorizer, d.authorizer)},
		{"Lambda GB-seconds, agent", "lambda GB-second", gbSeconds(sessions*l.agent, d.agent)},
		{"log lines, GB", "log GB", invocations * (metricsLine + platformLine) / 1e9},
		{"custom metrics", "metric", metrics},
		{"alarms", "alarm", alarms},
		{"KMS key", "KMS key", 1},
		{"secrets", "secret", secrets},
		{"table read units", "table read unit", sessions * l.reads},
		// Each write of a global table is written in every region.
		{"table write units", "table write unit", sessions * l.writes * regions},
		{"data out, GB", "data out GB", sessions * (s.requests*s.responseBytes + l.agent*agentResponse) / 1e9},
	}
	var items []item
	for _, line := range lines {
		if line.amount > 0 {
			items = append(items, item{line.name, line.amount * regions, list.Prices[line.price].of(line.amount) * regions})
		}
	}
	return items
}
