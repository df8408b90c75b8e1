// Package partition knows the DNS suffixes of AWS partitions, for programs that
// call AWS without its SDK and for the local run's AWS::URLSuffix. Templates use
// the pseudo parameter AWS::URLSuffix instead.
package partition

import (
	"fmt"
	"slices"
	"strings"
)

// suffixes are those of CDK's region facts; a test compares them.
var suffixes = map[string]string{
	"aws":        "amazonaws.com",
	"aws-cn":     "amazonaws.com.cn",
	"aws-us-gov": "amazonaws.com",
	"aws-iso":    "c2s.ic.gov",
	"aws-iso-b":  "sc2s.sgov.gov",
	"aws-iso-e":  "cloud.adc-e.uk",
	"aws-iso-f":  "csp.hci.ic.gov",
	"aws-eusc":   "amazonaws.eu",
}

// Suffix returns the DNS suffix of a partition, such as amazonaws.com for aws.
// It fails for a partition it does not know.
func Suffix(name string) (string, error) {
	suffix, ok := suffixes[name]
	if !ok {
		return "", fmt.Errorf("partition: %q is unknown, must be one of %s", name, strings.Join(Names(), ", "))
	}
	return suffix, nil
}

// prefixes are those of the regions outside the partition aws; a test compares them
// with CDK's region facts.
var prefixes = map[string]string{
	"cn-":      "aws-cn",
	"us-gov-":  "aws-us-gov",
	"us-iso-":  "aws-iso",
	"us-isob-": "aws-iso-b",
	"eu-isoe-": "aws-iso-e",
	"us-isof-": "aws-iso-f",
	"eu-isof-": "aws-iso-f",
	"eusc-":    "aws-eusc",
}

// SuffixOfRegion returns the DNS suffix of a region's partition.
func SuffixOfRegion(region string) string {
	for prefix, name := range prefixes {
		if strings.HasPrefix(region, prefix) {
			return suffixes[name]
		}
	}
	return suffixes["aws"]
}

// Names returns the names of all partitions, sorted.
func Names() []string {
	var names []string
	for name := range suffixes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
