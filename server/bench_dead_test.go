package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"idpool/pooltest"
	"idpool/provider"
	"idpool/server"
)

const (
	benchLost   = 16                     // callers who ask for the dead provider
	benchPause  = 200 * time.Millisecond // that each of them makes after an answer, as clients do that come again
	benchBeside = 3000                   // requests of a round
	benchBelow  = 0.8                    // a ratio below is warned of: the callers' own requests cost something too
)

// BenchmarkQuickBesideDead measures GetId with a token that was seen before, while others sign in by a provider that takes
// connections and never answers, as a ratio to the same without them: while their calls hang, and when the provider is left
// alone, so that they are answered at once, and come again.
func BenchmarkQuickBesideDead(b *testing.B) {
	gate := make(chan struct{})
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	}))
	defer hang.Close()
	defer close(gate)
	node := pooltest.Start(b, func(c *server.Config) {
		c.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
		c.Providers = provider.Settings{"graph.facebook.com": {Endpoint: hang.URL}}
		c.Now = time.Now // the dead one is tried again every ten seconds
	})
	idp := pooltest.NewProvider(b)
	pool := node.Pool(b, idp)
	node.Signed(b, "UpdateIdentityPool", pooltest.Object{
		"IdentityPoolId": pool, "IdentityPoolName": "test", "AllowUnauthenticatedIdentities": true,
		"OpenIdConnectProviderARNs": []string{idp.ARN(pooltest.Account)},
		"SupportedLoginProviders":   pooltest.Object{"graph.facebook.com": "7"},
	}).Must(b)
	getID := func(name, token string) pooltest.Object {
		return pooltest.Object{"IdentityPoolId": pool, "Logins": pooltest.Object{name: token}}
	}
	seen := getID(idp.Name(), idp.Token("app", "alice"))
	node.Public(b, "GetId", seen).Must(b)
	requests := make([][]byte, benchBeside)
	for i := range requests {
		requests[i] = rawRequest(b, node, "GetId", seen)
	}
	lost := rawRequest(b, node, "GetId", getID("graph.facebook.com", "EAAG"))
	address := strings.TrimPrefix(node.URL, "http://")

	for _, state := range []string{"hanging", "left-alone"} {
		ratio := 0.0
		b.Run("GetId/token=seen/dead="+state, func(b *testing.B) {
			if state == "left-alone" {
				giveUp(address, lost)
			}
			var alone, beside, ratios []float64
			for i := range benchRounds {
				alone = append(alone, rate(b, address, requests))
				stop := askForDead(address, lost)
				beside = append(beside, rate(b, address, requests))
				stop()
				ratios = append(ratios, beside[i]/alone[i])
			}
			ratio = median(ratios)
			b.ReportMetric(median(beside), "req/s")
			b.ReportMetric(median(alone), "alone-req/s")
			b.ReportMetric(ratio, "ratio")
			b.ReportMetric(benchLost, "lost-callers")
			b.ReportMetric(0, "ns/op")
		})
		if ratio > 0 && ratio < benchBelow {
			fmt.Printf("WARNING: beside a dead provider (%s) GetId has a ratio of %.2f, and should have %.2f or more\n", state, ratio, benchBelow)
		}
	}
}

// giveUp makes calls for the dead provider and waits until their time is over, so that it is left alone.
func giveUp(address string, request []byte) {
	var callers sync.WaitGroup
	for range benchLost {
		callers.Go(func() { askOnce(address, request) })
	}
	callers.Wait()
}

func askOnce(address string, request []byte) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer conn.Close()
	if _, err := conn.Write(request); err == nil {
		_, _ = conn.Read(make([]byte, 1))
	}
}

// askForDead lets callers ask for the dead provider again and again until stop is called.
func askForDead(address string, request []byte) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var callers sync.WaitGroup
	for range benchLost {
		callers.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return
			}
			defer conn.Close()
			hurry := context.AfterFunc(ctx, func() { conn.Close() })
			defer hurry()
			answer := make([]byte, 4096) // longer than any refusal
			again := time.NewTicker(benchPause)
			defer again.Stop()
			for ctx.Err() == nil {
				if _, err := conn.Write(request); err != nil {
					return
				}
				if _, err := conn.Read(answer); err != nil {
					return
				}
				<-again.C
			}
		})
	}
	return func() { cancel(); callers.Wait() }
}
