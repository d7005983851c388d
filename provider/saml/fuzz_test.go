package saml

import (
	"reflect"
	"testing"
)

// Whatever is done to a document, what is read is what was signed: one of the assertions of the seeds, or nothing.
func FuzzVerify(f *testing.F) {
	md := metadata(rsaA(), p256())
	var signed []*Assertion
	for _, row := range append(good()[:4], wrapping()...) { // few: large inputs keep the fuzzer at making them smaller
		f.Add([]byte(row.text))
		if a, err := Verify(md, b64(row.text), expected()); err == nil {
			signed = append(signed, a)
		}
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		a, err := Verify(md, b64(string(document)), expected())
		if (a == nil) == (err == nil) {
			t.Fatalf("%+v, %v", a, err)
		}
		if a == nil {
			return
		}
		a.Roles()
		a.PrincipalTags()
		for _, s := range signed {
			if reflect.DeepEqual(a, s) {
				return
			}
		}
		t.Errorf("nobody signed %+v", a)
	})
}

func FuzzBase64(f *testing.F) {
	f.Add(b64(signedAssertion(rsaA())))
	f.Add("=")
	f.Fuzz(func(t *testing.T, response string) {
		if a, err := Verify(metadata(rsaA()), response, expected()); (a == nil) == (err == nil) {
			t.Fatalf("%+v, %v", a, err)
		}
	})
}

// Whatever the holder of a key signs, there is an answer, and it keeps the limits.
func FuzzAssertion(f *testing.F) {
	for _, row := range good() {
		_, assertion, _ := cutAssertion(row.text)
		f.Add(assertion)
	}
	md := metadata(rsaA())
	f.Fuzz(func(t *testing.T, assertion string) {
		root, err := ofResponses.parse([]byte(assertion))
		if err != nil {
			return
		}
		a, err := md.readAssertion(root, expected())
		if err != nil {
			return
		}
		if !isID(a.ID) || a.Subject == "" || len(a.Subject) > maxSubject || a.NotOnOrAfter.IsZero() || a.Issuer != entity {
			t.Errorf("%+v", a)
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	f.Add(published(descriptor("signing", rsaA().encoded()) + descriptor("", p256().encoded())))
	for _, c := range captured {
		f.Add(read(f, c.maker+".metadata.xml"))
	}
	f.Fuzz(func(t *testing.T, document string) {
		md, err := ParseMetadata(document)
		if (md == nil) == (err == nil) {
			t.Fatalf("%+v, %v", md, err)
		}
		if md == nil {
			return
		}
		if md.EntityID == "" || len(md.Certificates) == 0 || len(md.Certificates) > maxCertificates {
			t.Errorf("%+v", md)
		}
		for _, c := range md.Certificates {
			if checkKey(c) != nil {
				t.Error(c.Subject)
			}
		}
	})
}
