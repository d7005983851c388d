package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"idpool/iam"
)

func TestCreateOpenIDConnectProvider(t *testing.T) {
	f := start(t)
	thumbprint := strings.Repeat("0aF9", 10)
	r := f.IAM(t, "CreateOpenIDConnectProvider", "Url", "https://idp.example/realms/a", "ClientIDList.member.1", "web", "ClientIDList.member.2", "app",
		"ThumbprintList.member.1", thumbprint, "Tags.member.1.Key", "b", "Tags.member.1.Value", "2", "Tags.member.2.Key", "a", "Tags.member.2.Value", "1")
	answers(t, r, nil, reply("CreateOpenIDConnectProvider", "<OpenIDConnectProviderArn>arn:aws:iam::123456789012:oidc-provider/idp.example/realms/a</OpenIDConnectProviderArn>"+
		"<Tags><member><Key>b</Key><Value>2</Value></member><member><Key>a</Key><Value>1</Value></member></Tags>"))

	// What Get answers: no scheme, lists in the order given, tags by key.
	r = f.IAM(t, "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", r.Element("OpenIDConnectProviderArn"))
	answers(t, r, nil, reply("GetOpenIDConnectProvider", "<Url>idp.example/realms/a</Url><ClientIDList><member>web</member><member>app</member></ClientIDList>"+
		"<ThumbprintList><member>"+strings.ToLower(thumbprint)+"</member></ThumbprintList><CreateDate>"+f.Clock.Now().UTC().Format("2006-01-02T15:04:05Z")+"</CreateDate>"+
		"<Tags><member><Key>a</Key><Value>1</Value></member><member><Key>b</Key><Value>2</Value></member></Tags>"))
}

// The URL of a provider is the issuer of its tokens; its name is that without scheme and last slash.
func TestProviderURLs(t *testing.T) {
	f := start(t)
	for _, row := range []struct{ url, name string }{
		{"https://one.example", "one.example"},
		{"https://two.example/", "two.example"},
		{"https://three.example:8443", "three.example:8443"},
		{"https://four.example/a/b", "four.example/a/b"},
		{"http://127.0.0.1:1", "127.0.0.1:1"}, // loopback, as our own issuer is
		{"http://localhost/realms/a", "localhost/realms/a"},
	} {
		r := f.IAM(t, "CreateOpenIDConnectProvider", "Url", row.url).Must(t)
		if got := r.Element("OpenIDConnectProviderArn"); got != providerARN(row.name) {
			t.Errorf("%s: %s", row.url, got)
		}
		r = f.IAM(t, "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", providerARN(row.name)).Must(t)
		if got := r.Element("Url"); got != row.name {
			t.Errorf("%s is shown as %s", row.url, got)
		}
	}
}

func TestCreateOpenIDConnectProviderRefuses(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateOpenIDConnectProvider", "Url", "https://taken.example").Must(t)
	list := func(name string, n int, value string) []string {
		params := []string{"Url", "https://idp.example"}
		for i := range n {
			params = append(params, fmt.Sprintf("%s.member.%d", name, i+1), strings.ReplaceAll(value, "N", fmt.Sprint(i)))
		}
		return params
	}
	address := func(u string) []string { return []string{"Url", u} }
	taken := refusal{409, "EntityAlreadyExists", "Provider with url https://taken.example already exists."}
	notUs := refusal{400, "InvalidInput", "Invalid Open ID Connect Provider URL: this server itself cannot be an outside provider"}
	const thumbprints = "Member must satisfy constraint: [Member must have length less than or equal to 40, Member must have length greater than or equal to 40]"
	f.refuses(t, "CreateOpenIDConnectProvider", []row{
		{"taken", address("https://taken.example"), taken},
		{"taken, but for a slash", address("https://taken.example/"), refusal{409, "EntityAlreadyExists", "Provider with url https://taken.example/ already exists."}},

		{"our own issuer", address(f.URL), notUs},
		{"our own issuer with a path", address(f.URL + "/a"), notUs},
		{"our own issuer by https", address(strings.Replace(f.URL, "http:", "https:", 1)), notUs},
		{"our name inside", address("https://cognito-identity.amazonaws.com"), notUs},
		{"our name inside, with a port", address("https://cognito-identity.amazonaws.com:443"), notUs},

		{"no URL", nil, missing("url")},
		{"a URL that is too long", address("https://" + strings.Repeat("a", 248)), constraint("https://"+strings.Repeat("a", 248), "url", "Member must have length less than or equal to 255")},

		{"101 client ids", list("ClientIDList", iam.MaxClientIDs+1, "clientN"), refusal{409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"}},
		{"an empty client id", list("ClientIDList", 1, ""), constraint("[]", "clientIDList", "Member must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 1]")},
		{"6 thumbprints", list("ThumbprintList", iam.MaxThumbprints+1, strings.Repeat("0", 39)+"N"), refusal{400, "InvalidInput", "Thumbprint list must contain fewer than 5 entries."}},
		{"a thumbprint of 39 digits", list("ThumbprintList", 1, strings.Repeat("0", 39)), constraint("["+strings.Repeat("0", 39)+"]", "thumbprintList", thumbprints)},
		{"a thumbprint that is none", list("ThumbprintList", 1, strings.Repeat("x", 40)), refusal{400, "InvalidInput", "A thumbprint is the SHA-1 of a certificate, 40 hexadecimal digits."}},
		{"a tag twice", []string{"Url", "https://idp.example", "Tags.member.1.Key", "k", "Tags.member.1.Value", "1", "Tags.member.2.Key", "k", "Tags.member.2.Value", "2"}, refusal{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}},
		{"a tag twice but for its case", []string{"Url", "https://idp.example", "Tags.member.1.Key", "Équipe", "Tags.member.1.Value", "1", "Tags.member.2.Key", "éQUIPE", "Tags.member.2.Value", "2"}, refusal{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}},
	})
	for _, u := range []string{
		"http://idp.example", "idp.example", "https://", "https:///a", "ftp://idp.example", "https://user@idp.example", "https://idp.example?a=b",
		"https://idp.example#a", "https://idp.example/a b", "https://idp.example/%zz", "https://idp.example:port", "http://10.0.0.1",
	} {
		r := f.IAM(t, "CreateOpenIDConnectProvider", "Url", u)
		if r.Status != 400 || r.Code() != "InvalidInput" || !strings.HasPrefix(r.Message(), "Invalid Open ID Connect Provider URL: ") {
			t.Errorf("%s: %d %s", u, r.Status, r.Body)
		}
	}
}

func TestOpenIDConnectProviderLimit(t *testing.T) {
	f := start(t)
	for i := range iam.MaxProviders {
		f.IAM(t, "CreateOpenIDConnectProvider", "Url", fmt.Sprintf("https://%d.example", i)).Must(t)
	}
	full := refusal{409, "LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100"}
	full.check(t, f.IAM(t, "CreateOpenIDConnectProvider", "Url", "https://one-more.example"))
	f.IAM(t, "DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", providerARN("7.example")).Must(t)
	f.IAM(t, "CreateOpenIDConnectProvider", "Url", "https://one-more.example").Must(t)
}

func TestGetOpenIDConnectProviderRefuses(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateOpenIDConnectProvider", "Url", "https://idp.example").Must(t)
	var rows []row
	for _, arn := range []string{
		providerARN("nobody.example"), providerARN("idp.example/"), providerARN("IDP.example"), providerARN(""),
		"arn:aws:iam::999999999999:oidc-provider/idp.example", "arn:aws:iam::123456789012:role/idp.example", "idp.example.idp.example",
	} {
		rows = append(rows, row{arn, []string{"OpenIDConnectProviderArn", arn}, noProvider(arn)})
	}
	rows = append(
		rows,
		row{"no ARN", nil, missing("openIDConnectProviderArn")},
		row{"a short one", []string{"OpenIDConnectProviderArn", "idp.example"}, constraint("idp.example", "openIDConnectProviderArn", "Member must have length greater than or equal to 20")},
	)
	f.refuses(t, "GetOpenIDConnectProvider", rows)
}

func TestListAndDeleteOpenIDConnectProviders(t *testing.T) {
	f := start(t)
	for _, name := range []string{"b.example", "a.example", "c.example"} {
		f.IAM(t, "CreateOpenIDConnectProvider", "Url", "https://"+name).Must(t)
	}
	list := func(names ...string) string {
		var members strings.Builder
		for _, name := range names {
			members.WriteString("<member><Arn>" + providerARN(name) + "</Arn></member>")
		}
		return reply("ListOpenIDConnectProviders", "<OpenIDConnectProviderList>"+members.String()+"</OpenIDConnectProviderList>")
	}
	answers(t, f.IAM(t, "ListOpenIDConnectProviders"), nil, list("a.example", "b.example", "c.example"))
	for range 2 { // the second time there is nothing to delete, which is no error
		answers(t, f.IAM(t, "DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", providerARN("b.example")), nil, reply("DeleteOpenIDConnectProvider", ""))
		answers(t, f.IAM(t, "ListOpenIDConnectProviders"), nil, list("a.example", "c.example"))
	}
	missing("openIDConnectProviderArn").check(t, f.IAM(t, "DeleteOpenIDConnectProvider"))
}
