package settings

// Values of METRICS.
const (
	MetricsEMF  = "emf"
	MetricsNone = "none"
)
