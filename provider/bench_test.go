package provider

import (
	"strings"
	"testing"
)

// benchmarks use a token of about 1.1 KB, as providers issue them, of which the keys are known.
func benchmark(b *testing.B, s signer) (*Verifier, *OIDC, string) {
	i := newIDP(b, s)
	v, p := verifier(i), i.provider()
	token := s.sign(i.claims("azp", "client", "email", "somebody@example.com", "groups", []string{"staff", "admins"},
		"nonce", strings.Repeat("n", 330)))
	if got := verify(b, v, p, token); got != "ok" {
		b.Fatal(got)
	}
	b.ReportAllocs()
	b.ReportMetric(float64(len(token)), "bytes")
	b.ResetTimer()
	return v, p, token
}

func BenchmarkKnownKeys(b *testing.B) {
	for _, s := range []signer{rsaA(), p256()} {
		b.Run(s.alg, func(b *testing.B) {
			v, p, token := benchmark(b, s)
			for b.Loop() {
				p.Version++ // the cache of tokens has seen none of this version
				if _, err := v.OIDC(b.Context(), p, token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkKnownToken(b *testing.B) {
	v, p, token := benchmark(b, rsaA())
	for b.Loop() {
		if _, err := v.OIDC(b.Context(), p, token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKnownTokenParallel(b *testing.B) {
	v, p, token := benchmark(b, rsaA())
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := v.OIDC(b.Context(), p, token); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkForeignKey is what a stranger's token costs: all but the last step.
func BenchmarkForeignKey(b *testing.B) {
	v, p, token := benchmark(b, rsaA())
	token = token[:strings.LastIndexByte(token, '.')+1] + b64(strings.Repeat("x", 256))
	for b.Loop() {
		if _, err := v.OIDC(b.Context(), p, token); err == nil {
			b.Fatal("taken")
		}
	}
}

func BenchmarkPeek(b *testing.B) {
	_, _, token := benchmark(b, rsaA())
	for b.Loop() {
		if _, _, ok := Peek(token); !ok {
			b.Fatal("not a token")
		}
	}
}
