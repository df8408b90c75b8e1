package partition_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/regioninfo"

	"github.com/tokenhandler/aws/internal/partition"
)

// CDK's facts are generated from those of AWS.
func TestSuffixesAreThoseOfCDK(t *testing.T) {
	seen := map[string]bool{}
	for _, region := range *regioninfo.RegionInfo_Regions() {
		name, want := *region.Partition(), *region.DomainSuffix()
		if got := partition.SuffixOfRegion(*region.Name()); got != want {
			t.Errorf("SuffixOfRegion(%q) = %q, want %q", *region.Name(), got, want)
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		if got, err := partition.Suffix(name); err != nil || got != want {
			t.Errorf("Suffix(%q) = %q, %v, want %q", name, got, err, want)
		}
	}
	for _, name := range partition.Names() {
		if !seen[name] {
			t.Errorf("%s is a partition here and has no region in CDK's facts", name)
		}
	}
}

func TestUnknownPartition(t *testing.T) {
	for _, name := range []string{"", "aws-xx", "AWS"} {
		if suffix, err := partition.Suffix(name); err == nil {
			t.Errorf("Suffix(%q) = %q, want an error", name, suffix)
		}
	}
}
