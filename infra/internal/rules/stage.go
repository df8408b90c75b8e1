package rules

import (
	"strings"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// Stage is a stage of a REST API.
type Stage struct {
	Place
	CacheCluster bool
	Settings     []MethodSetting
	AccessLog    string // format of the access log; empty without one
}

// MethodSetting holds the settings of a stage for some of its methods.
type MethodSetting struct {
	HTTPMethod, ResourcePath string // "*" and "/*" stand for all
	Caching                  bool   // on, or unreadable
	CachingGiven             bool
	DataTrace                bool // on, or unreadable
}

// ReadStage reads the properties of an AWS::ApiGateway::Stage, or a
// StageDescription of an AWS::ApiGateway::Deployment.
func ReadStage(at Place, p map[string]any) Stage {
	s := Stage{Place: at, CacheCluster: isOn(p["CacheClusterEnabled"])}
	if setting := cloudformation.Object(p["AccessLogSetting"]); setting != nil {
		s.AccessLog = cloudformation.Name(setting["Format"])
	}
	all := cloudformation.List(p["MethodSettings"])
	if p["CachingEnabled"] != nil || p["DataTraceEnabled"] != nil { // of a StageDescription: for all methods
		all = append(all, map[string]any{"HttpMethod": "*", "ResourcePath": "/*", "CachingEnabled": p["CachingEnabled"], "DataTraceEnabled": p["DataTraceEnabled"]})
	}
	for _, v := range all {
		setting := cloudformation.Object(v)
		s.Settings = append(s.Settings, MethodSetting{
			HTTPMethod: literal(setting["HttpMethod"], "*"),
			// "Forward slashes (/) are encoded as ~1" (AWS::ApiGateway::Stage
			// MethodSetting, ResourcePath).
			ResourcePath: strings.ReplaceAll(cloudformation.Name(setting["ResourcePath"]), "~1", "/"),
			Caching:      isOn(setting["CachingEnabled"]), CachingGiven: setting["CachingEnabled"] != nil,
			DataTrace: isOn(setting["DataTraceEnabled"]),
		})
	}
	return s
}

// isOn reads a switch. A value that is not literal counts as on.
func isOn(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return !strings.EqualFold(v, "false") && v != ""
	}
	return true
}

// matches reports whether the setting is for the method, and how exactly: 0 for
// a setting for all methods, 2 for a setting for this one.
func (s MethodSetting) matches(m *Method) (exactness int, ok bool) {
	path := strings.TrimLeft(s.ResourcePath, "/") // "/~1orders" reads as "//orders"
	if all := path == "*" || s.ResourcePath == ""; !all {
		if path != strings.TrimLeft(m.Path, "/") {
			return 0, false
		}
		exactness++
	}
	switch s.HTTPMethod {
	case "*":
		return exactness, true
	case m.HTTPMethod:
		return exactness + 1, true
	}
	return exactness, m.HTTPMethod == "ANY"
}

// caches reports whether the stage caches responses of a method. "If you enable
// caching for a stage, only GET methods have caching enabled by default" (Amazon
// API Gateway Developer Guide, "Cache settings for REST APIs").
func (s Stage) caches(m *Method) bool {
	if !s.CacheCluster {
		return false
	}
	on, best := m.HTTPMethod == "GET" || m.HTTPMethod == "ANY", -1
	for _, setting := range s.Settings {
		exactness, ok := setting.matches(m)
		if !ok || !setting.CachingGiven || exactness < best {
			continue
		}
		// Of two settings that are equally exact, the one that caches counts.
		on = setting.Caching || exactness == best && on
		best = exactness
	}
	return on
}
