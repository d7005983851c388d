package server

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/pprof"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"idpool/iam"
	"idpool/issuer"
	"idpool/wire"
)

// limits are for how long a node waits. A test has shorter ones.
type limits struct {
	header, read, write, idle time.Duration // of a connection
	ready                     time.Duration // readiness, for the database
	shutdown                  time.Duration // the end, for what runs
}

// A call is small; whoever takes longer than this to send one, or to read its reply, does not mean well or will try again.
var usualLimits = limits{
	header: 10 * time.Second, read: 30 * time.Second, write: 60 * time.Second, idle: 2 * time.Minute,
	ready: 2 * time.Second, shutdown: 30 * time.Second,
}

const maxHeader = 64 << 10

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: s.closing(h), ReadHeaderTimeout: s.limits.header, ReadTimeout: s.limits.read, WriteTimeout: s.limits.write,
		IdleTimeout: s.limits.idle, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug), // clients that break off
	}
}

// closing has clients connect elsewhere while the node drains. It is each reply that closes its connection: one that idles
// stays, since a balancer that has not noticed yet may send a call on it at any moment.
func (s *Server) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// handler is all that the public port answers.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /{$}", s.mux)
	mux.Handle("GET /{$}", s.mux)
	mux.HandleFunc("GET "+issuer.DiscoveryPath, s.issuer.ServeDiscovery)
	mux.HandleFunc("GET "+issuer.JWKSPath, s.issuer.ServeJWKS)
	mux.HandleFunc("GET "+issuer.JWKSPathPlain, s.issuer.ServeJWKS)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", s.ready)
	var h http.Handler = s.cors(mux)
	if s.config.Dev {
		h = onlyLoopback(h)
	}
	if len(s.config.TrustedProxies) > 0 {
		h = s.forwarded(h)
	}
	return h
}

// cors lets SDKs in browsers call from any page: a call carries what authorizes it, never a cookie.
func (s *Server) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if origin := r.Header.Get("Origin"); origin != "" && s.allowsOrigin(h, origin) {
			h.Set("Access-Control-Expose-Headers", "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date")
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				h.Set("Access-Control-Allow-Methods", "GET, POST")
				h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
				h.Set("Access-Control-Max-Age", "172800")
				w.WriteHeader(http.StatusOK)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// allowsOrigin sets the header that lets an origin in. With --dev, whose keys everybody knows, that is this machine's
// pages only.
func (s *Server) allowsOrigin(h http.Header, origin string) bool {
	if !s.config.Dev {
		h.Set("Access-Control-Allow-Origin", "*")
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || !isLoopback(u.Hostname()) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	return true
}

// onlyLoopback refuses requests to other names, so that no page can reach a --dev server by a name that it has pointed
// here.
func onlyLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !isLoopback(host) {
			http.Error(w, "This server was started with --dev and answers to loopback hosts only.", http.StatusMisdirectedRequest)
			return
		}
		if isForeignPage(r.Header) {
			http.Error(w, "This server was started with --dev and answers to pages of this machine only.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isForeignPage tells whether a browser sends the request for a page of another machine. It needs no answer to do harm: a
// URL that is presigned with keys that everybody knows works as an image's address too.
func isForeignPage(h http.Header) bool {
	if origin := h.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err != nil || !isLoopback(u.Hostname())
	}
	return h.Get("Sec-Fetch-Site") == "cross-site"
}

// adminHandler answers on --admin-listen. Of what pprof offers the command line is left out: it may hold a password.
func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// SocketName is the Unix socket in the data directory by which other commands reach the running node.
const SocketName = "idpool.sock"

// Headers by which a call on the socket says what a signature would: the account, whose root it is then (the first, if it
// says nothing), and the region.
const (
	SocketAccount = "X-Idpool-Account"
	SocketRegion  = "X-Idpool-Region"
)

// adminAPI is the table of idpool's own operations.
func (s *Server) adminAPI() *wire.Service {
	api, more := s.iam.AdminAPI(), s.cognito.AdminAPI()
	api.Operations = append(api.Operations, more.Operations...)
	maps.Copy(api.Shapes, more.Shapes)
	return api
}

// socketHandler answers idpool's own operations as an account's root. The file's mode is what guards it.
func (s *Server) socketHandler() http.Handler {
	mux := wire.NewMux(nil, s.observe, s.adminAPI())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		root := iam.Root(cmp.Or(r.Header.Get(SocketAccount), s.iam.FirstAccount), "")
		root.Region = r.Header.Get(SocketRegion)
		mux.InsecureTrusting(root).ServeHTTP(w, r)
	})
}

// maxCause bounds what a line of the log says of a refusal, in bytes: strangers choose how often.
const maxCause = 4096

// observe writes a call's line into the log, counts it, and audits it. The reply has been made.
func (s *Server) observe(c *wire.Call) {
	s.metrics.observe(c)
	if s.audit != nil && c.Reached() {
		s.audit.Write(event(c, s.config.Now()))
	}
	level := slog.LevelInfo
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(
		attrs,
		slog.String("request_id", c.RequestID), slog.String("operation", c.Operation), slog.Int("status", c.Status),
		slog.Int64("us", c.Took.Microseconds()), slog.String("remote", c.Remote),
	)
	if c.Account != "" {
		attrs = append(attrs, slog.String("account", c.Account))
	}
	if c.Code != "" {
		attrs = append(attrs, slog.String("code", c.Code))
	}
	if c.Cause != nil {
		cause := c.Cause.Error()
		attrs = append(attrs, slog.String("cause", cause[:min(len(cause), maxCause)]))
	}
	if c.Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if c.Panic != "" {
		attrs = append(attrs, slog.String("stack", c.Panic))
	}
	s.config.Log.LogAttrs(context.Background(), level, "call", attrs...)
}
