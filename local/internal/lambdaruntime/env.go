package lambdaruntime

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxEnvironment: "Environment variables: 4 KB, for all environment variables associated with the function, in
// aggregate" (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
const maxEnvironment = 4 << 10

// variableName: "Keys start with a letter and are at least two characters. Keys only contain letters, numbers, and
// the underscore character" (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
var variableName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]+$`)

// reserved: "The keys for these environment variables are reserved and cannot be set in your function configuration"
// (the same page). Deployment fails on them, so we do.
var reserved = map[string]bool{
	"_HANDLER": true, "_X_AMZN_TRACE_ID": true, "AWS_DEFAULT_REGION": true, "AWS_REGION": true,
	"AWS_EXECUTION_ENV": true, "AWS_LAMBDA_FUNCTION_NAME": true, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": true,
	"AWS_LAMBDA_FUNCTION_VERSION": true, "AWS_LAMBDA_INITIALIZATION_TYPE": true, "AWS_LAMBDA_LOG_GROUP_NAME": true,
	"AWS_LAMBDA_LOG_STREAM_NAME": true, "AWS_ACCESS_KEY": true, "AWS_ACCESS_KEY_ID": true,
	"AWS_SECRET_ACCESS_KEY": true, "AWS_SESSION_TOKEN": true, "AWS_LAMBDA_RUNTIME_API": true,
	"LAMBDA_TASK_ROOT": true, "LAMBDA_RUNTIME_DIR": true, "AWS_LAMBDA_MAX_CONCURRENCY": true,
	"AWS_LAMBDA_METADATA_API": true, "AWS_LAMBDA_METADATA_TOKEN": true,
}

// environment returns the variables of every process, without AWS_LAMBDA_RUNTIME_API. It is all the child gets:
// it inherits no variable, least of all the developer's AWS credentials. AWS_EXECUTION_ENV and _X_AMZN_TRACE_ID are not
// set for an OS-only runtime.
func environment(cfg Config) ([]string, error) {
	env := map[string]string{
		"LANG": "en_US.UTF-8",
		"PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"TZ":   ":UTC",
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(cfg.Environment)) {
		value := cfg.Environment[name]
		switch {
		case reserved[name]:
			return nil, fmt.Errorf("environment variable %s is reserved by Lambda", name)
		case !variableName.MatchString(name):
			return nil, fmt.Errorf("environment variable %q: expected letters, digits and underscores, at least two, the first a letter", name)
		case strings.ContainsRune(value, 0):
			return nil, fmt.Errorf("environment variable %s: its value contains a NUL", name)
		}
		size += len(name) + len(value)
		env[name] = value
	}
	if size > maxEnvironment {
		return nil, fmt.Errorf("expected environment variables of at most %d bytes together, got %d", maxEnvironment, size)
	}
	maps.Copy(env, map[string]string{
		"_HANDLER":                        cfg.Handler,
		"LAMBDA_TASK_ROOT":                cfg.Dir,
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"AWS_REGION":                      cfg.Region,
		"AWS_DEFAULT_REGION":              cfg.Region,
		"AWS_LAMBDA_FUNCTION_NAME":        cfg.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(cfg.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + cfg.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      time.Now().UTC().Format("2006/01/02") + "/[$LATEST]local",
		// Not valid. With them an AWS SDK does not search the machine for real ones.
		"AWS_ACCESS_KEY_ID":     "local",
		"AWS_SECRET_ACCESS_KEY": "local",
		"AWS_SESSION_TOKEN":     "local",
	})
	list := make([]string, 0, len(env)+1)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list, nil
}
