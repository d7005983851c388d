package saml

import "testing"

func BenchmarkVerify(b *testing.B) {
	rows := []struct {
		name, text string
		by         *Metadata
		ok         bool
	}{
		{"assertion", signedAssertion(rsaA()), metadata(rsaA()), true},
		{"both", signedBoth(rsaA()), metadata(rsaA()), true},
		{"foreignKey", signedAssertion(rsaB()), metadata(rsaA()), false}, // what a stranger's response costs
		{"malformed", signedAssertion(rsaA()) + "<a/>", metadata(rsaA()), false},
	}
	for _, row := range rows {
		b.Run(row.name, func(b *testing.B) {
			response, want := b64(row.text), expected()
			b.ReportAllocs()
			b.ReportMetric(float64(len(response)), "characters")
			for b.Loop() {
				if _, err := Verify(row.by, response, want); (err == nil) != row.ok {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseMetadata(b *testing.B) {
	document := read(b, "simplesamlphp.metadata.xml")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseMetadata(document); err != nil {
			b.Fatal(err)
		}
	}
}
