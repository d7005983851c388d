package server

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"idpool/wire"
)

// metrics count calls. Operation is a row of a table or empty, and code one that the server itself gives: strangers make
// no new series.
type metrics struct {
	registry *prometheus.Registry
	calls    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(audit *auditLog) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "idpool_calls_total", Help: "API calls by operation and error code (empty: success).",
		}, []string{"service", "operation", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "idpool_call_seconds", Help: "Time from the header of a call to its reply.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
		}, []string{"service", "operation"}),
	}
	m.registry.MustRegister(m.calls, m.seconds, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if audit != nil {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "idpool_audit_lost_events_total", Help: "Audit events that could not be written.",
		}, func() float64 { return float64(audit.Lost()) }))
	}
	return m
}

func (m *metrics) observe(c *wire.Call) {
	m.calls.WithLabelValues(c.Service, c.Operation, c.Code).Inc()
	m.seconds.WithLabelValues(c.Service, c.Operation).Observe(c.Took.Seconds())
}
