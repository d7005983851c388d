package provider

import (
	"net/netip"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// The README's example, as an operator writes it.
const exampleSettings = `
accounts.google.com:
  endpoint: http://localhost:8080/google
cognito-idp.us-east-1.amazonaws.com:
  endpoint: http://localhost:5000
cognito-idp.us-east-1.amazonaws.com/us-east-1_Shop:
  endpoint: http://10.0.0.5:9229
  issuer: http://10.0.0.5:9229/us-east-1_Shop
  check:
    kind: http
    url: https://users.internal/active?pool={pool}&sub={sub}
    authorization: Bearer some-secret
cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Real:
  check:
    kind: cognito-idp
    access-key-id: AKIDEXAMPLE
    secret-access-key: secret
cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Gate:
  check:
    kind: introspection
    url: https://id.example/introspect
    client-id: idpool
    client-secret: secret
`

func TestSettingsFromYAML(t *testing.T) {
	var s Settings
	if err := yaml.Load([]byte(exampleSettings), &s, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	want(t, "settings", len(s), 5)
	want(t, "endpoint", s[pools].Endpoint, "http://localhost:5000")
	want(t, "check", *s["cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Real"].Check,
		Check{Kind: "cognito-idp", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"})
	for name, under := range map[string]string{
		pools + "/us-east-1_Shop":                           pools + "/us-east-1_Shop",
		pools + "/us-east-1_Any":                            pools,
		"cognito-idp.us-west-2.amazonaws.com/us-west-2_Any": "cognito-idp.us-west-2.amazonaws.com/us-west-2_Any",
		"www.amazon.com":                                    "www.amazon.com",
	} {
		got, _ := s.of(name)
		want(t, name+" stands under", got, under)
	}
	misspelt := strings.Replace(exampleSettings, "endpoint:", "endpiont:", 1)
	if err := yaml.Load([]byte(misspelt), new(Settings), yaml.WithKnownFields()); err == nil {
		t.Error("a misspelt key is taken")
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	pool := pools + "/us-east-1_A"
	at := func(endpoint string) Setting { return Setting{Endpoint: endpoint} }
	check := func(c Check) Setting { return Setting{Check: &c} }
	const url = "https://check.example/"
	for _, row := range []struct {
		name    string
		setting Setting
		want    string // part of the error; empty: none
	}{
		{pool, Setting{}, ""},
		{pool, at("http://127.0.0.1:5000"), ""},
		{pool, at("http://[::1]:5000/"), ""},
		{"idp.example", Setting{}, "no provider of this name"},
		{"https://" + pool, Setting{}, "no provider of this name"},
		{pools + "/", Setting{}, "no provider of this name"},
		{pool, at("localhost:5000"), "endpoint: write an absolute"},
		{pool, at("//localhost"), "endpoint: write an absolute"},
		{pool, at("ftp://localhost"), "endpoint: write an absolute"},
		{pool, at("http://user:pass@localhost"), "endpoint: write an absolute"},
		{pool, at("http://localhost/?a=b"), "endpoint: write it without a query"},
		{pool, at("http://localhost/#a"), "endpoint: write an absolute"},
		{pool, at("http://169.254.169.254/latest"), "169.254.169.254 is never dialled"},
		{pool, at("http://[::ffff:169.254.169.254]/"), "is never dialled"},
		{pool, Setting{Issuer: "x"}, "issuer: give the endpoint"},
		{pool, Setting{Endpoint: "http://localhost", Issuer: "http://x\n"}, "issuer: write it as it stands"},
		{pool, Setting{Endpoint: "http://localhost", Issuer: "moto"}, "issuer: write it as it stands"},
		{"graph.facebook.com", Setting{Endpoint: "http://localhost", Issuer: "x"}, "issuer: only user pools"},
		{google, check(Check{Kind: "http", URL: url}), "check: only user pools"},
		{google, Setting{Endpoint: "http://localhost", Issuer: "http://localhost"}, ""},

		{pool, check(Check{}), "kind: write cognito-idp, introspection or http"},
		{pool, check(Check{Kind: "http"}), "url: give the URL"},
		{pool, check(Check{Kind: "http", URL: "x"}), "url: write an absolute"},
		{pool, check(Check{Kind: "http", URL: url + "{user}"}), "{username} and {pool}, and no others"},
		{pool, check(Check{Kind: "http", URL: "https://{pool}.example/"}), "url: write an absolute"},
		{pool, check(Check{Kind: "http", URL: url, Method: "PUT"}), "method: write GET or POST"},
		{pool, check(Check{Kind: "http", URL: url, Authorization: "a\nb"}), "printable ASCII"},
		{pool, check(Check{Kind: "http", URL: url, ClientID: "x"}), "are for kind introspection"},
		{pool, check(Check{Kind: "introspection", URL: url}), "give client-id"},
		{pool, check(Check{Kind: "introspection", URL: url + "{sub}", ClientID: "x"}), "only kind http"},
		{pool, check(Check{Kind: "introspection", URL: url, ClientID: "x", AccessKeyID: "x"}), "are for kind cognito-idp"},
		{pool, check(Check{Kind: "cognito-idp", AccessKeyID: "x"}), "give access-key-id and secret-access-key"},
		{pool, check(Check{Kind: "cognito-idp", AccessKeyID: "x", SecretAccessKey: "y", Method: "GET"}), "are for kind http"},
	} {
		err := Settings{row.name: row.setting}.Validate()
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%s %+v: %v", row.name, row.setting, err)
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%s %+v: got %v, want %s", row.name, row.setting, err, row.want)
		}
	}
}

// Hosts that the operator names are bound by less than others, but not by nothing.
func TestNamedHosts(t *testing.T) {
	n := (&Network{}).naming("http://127.0.0.1:5000/x", "https://IDP.internal")
	for url, ok := range map[string]bool{
		"http://127.0.0.1:5000/a": true, "http://127.0.0.1:5001/": false, "http://127.0.0.1/": false,
		"https://idp.internal/": true, "http://idp.internal/": false, "http://idp.internal:443/": true,
	} {
		want(t, url, n.checkURL(url) == nil, ok)
	}
	for _, row := range addresses {
		addr := netip.AddrPortFrom(netip.MustParseAddr(row.addr), 443)
		want(t, row.addr, n.mayDial(addr, true) == nil, row.who != nobody)
	}
}
