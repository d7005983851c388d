package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"idpool/iam"
)

func TestOpenIDConnectProviderChanges(t *testing.T) {
	f := start(t)
	arn := providerARN("idp.example")
	one, two := strings.Repeat("a", 40), strings.Repeat("B", 40)
	f.IAM(t, "CreateOpenIDConnectProvider", "Url", "https://idp.example", "ClientIDList.member.1", "first", "ThumbprintList.member.1", one).Must(t)
	for _, step := range []struct {
		action  string
		params  []string
		element string
		want    string
	}{
		{"AddClientIDToOpenIDConnectProvider", []string{"ClientID", "second"}, "ClientIDList", "<member>first</member><member>second</member>"},
		{"AddClientIDToOpenIDConnectProvider", []string{"ClientID", "second"}, "ClientIDList", "<member>first</member><member>second</member>"},
		{"RemoveClientIDFromOpenIDConnectProvider", []string{"ClientID", "first"}, "ClientIDList", "<member>second</member>"},
		{"RemoveClientIDFromOpenIDConnectProvider", []string{"ClientID", "first"}, "ClientIDList", "<member>second</member>"},
		{"UpdateOpenIDConnectProviderThumbprint", []string{"ThumbprintList.member.1", two}, "ThumbprintList", "<member>" + strings.ToLower(two) + "</member>"},
		{"UpdateOpenIDConnectProviderThumbprint", []string{"ThumbprintList", ""}, "ThumbprintList", ""},
		{"TagOpenIDConnectProvider", []string{"Tags.member.1.Key", "k", "Tags.member.1.Value", "1"}, "Tags", "<member><Key>k</Key><Value>1</Value></member>"},
		{"TagOpenIDConnectProvider", []string{"Tags.member.1.Key", "K", "Tags.member.1.Value", "2"}, "Tags", "<member><Key>K</Key><Value>2</Value></member>"},
		{"UntagOpenIDConnectProvider", []string{"TagKeys.member.1", "k", "TagKeys.member.2", "none"}, "Tags", ""},
	} {
		answers(t, f.IAM(t, step.action, append([]string{"OpenIDConnectProviderArn", arn}, step.params...)...), nil, reply(step.action, ""))
		r := f.IAM(t, "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", arn).Must(t)
		if got := r.Element(step.element); got != step.want || r.Element("Url") != "idp.example" {
			t.Errorf("%s %q: %s, want %s", step.action, step.params, r.Body, step.want)
		}
	}
	f.IAM(t, "TagOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "Tags.member.1.Key", "a", "Tags.member.1.Value", "1").Must(t)
	answers(t, f.IAM(t, "ListOpenIDConnectProviderTags", "OpenIDConnectProviderArn", arn), nil,
		reply("ListOpenIDConnectProviderTags", "<Tags><member><Key>a</Key><Value>1</Value></member></Tags><IsTruncated>false</IsTruncated>"))
}

func TestOpenIDConnectProviderChangesRefuse(t *testing.T) {
	f := start(t)
	arn := providerARN("idp.example")
	f.IAM(t, "CreateOpenIDConnectProvider", "Url", "https://idp.example").Must(t)
	for i := range iam.MaxClientIDs {
		f.IAM(t, "AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "ClientID", fmt.Sprint("client", i)).Must(t)
	}
	full := exceeded("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")
	full.check(t, f.IAM(t, "AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "ClientID", "more"))
	f.IAM(t, "AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "ClientID", "client7").Must(t)

	six := []string{"OpenIDConnectProviderArn", arn}
	for i := range iam.MaxThumbprints + 1 {
		six = append(six, fmt.Sprintf("ThumbprintList.member.%d", i+1), fmt.Sprintf("%040d", i))
	}
	f.refuses(t, "UpdateOpenIDConnectProviderThumbprint", []row{
		{"six", six, refusal{400, "InvalidInput", "Thumbprint list must contain fewer than 5 entries."}},
		{"one that is none", []string{"OpenIDConnectProviderArn", arn, "ThumbprintList.member.1", strings.Repeat("x", 40)}, refusal{400, "InvalidInput", "A thumbprint is the SHA-1 of a certificate, 40 hexadecimal digits."}},
		{"none", []string{"OpenIDConnectProviderArn", arn}, missing("thumbprintList")},
	})
	missing("clientID").check(t, f.IAM(t, "AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", arn))
	for _, action := range []string{
		"UpdateOpenIDConnectProviderThumbprint", "AddClientIDToOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider",
		"TagOpenIDConnectProvider", "UntagOpenIDConnectProvider", "ListOpenIDConnectProviderTags",
	} {
		for _, unknown := range []string{providerARN("nobody.example"), "arn:aws:iam::" + other + ":oidc-provider/idp.example", samlARN("idp.example")} {
			params := append([]string{"OpenIDConnectProviderArn", unknown}, calls()[action][2:]...)
			noProvider(unknown).check(t, f.IAM(t, action, params...))
		}
	}
}
