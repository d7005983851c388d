package saml

import (
	"reflect"
	"testing"
)

const (
	roleARN     = "arn:aws:iam::123456789012:role/team/reader"
	providerARN = "arn:aws:iam::123456789012:saml-provider/idp"
)

func TestRoles(t *testing.T) {
	granted := Role{roleARN, providerARN}
	rows := []struct {
		name   string
		values []string
		want   []Role
	}{
		{"none", nil, nil},
		{"role first", []string{roleARN + "," + providerARN}, []Role{granted}},
		{"provider first", []string{providerARN + "," + roleARN}, []Role{granted}},
		{"blanks", []string{" " + roleARN + " ,\n" + providerARN + " "}, []Role{granted}},
		{"each once, in their order", []string{
			roleARN + "2," + providerARN, roleARN + "," + providerARN, providerARN + "," + roleARN,
		}, []Role{{roleARN + "2", providerARN}, granted}},
		{"another partition", []string{"arn:aws-cn:iam::1:role/r,arn:aws-cn:iam::1:saml-provider/p"}, []Role{
			{"arn:aws-cn:iam::1:role/r", "arn:aws-cn:iam::1:saml-provider/p"},
		}},
		{"no pairs", []string{
			"", ",", roleARN, roleARN + ",", roleARN + "," + roleARN, providerARN + "," + providerARN,
			roleARN + "," + providerARN + "," + roleARN, roleARN + " " + providerARN, "x:" + roleARN + "," + providerARN,
		}, nil},
	}
	for _, row := range rows {
		a := &Assertion{Attributes: map[string][]string{roleAttribute: row.values}}
		if got := a.Roles(); !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}

func TestClaim(t *testing.T) {
	a := &Assertion{Issuer: "the issuer", Subject: "the subject", Audience: "the audience", Attributes: map[string][]string{
		"sub": {"faked"}, "iss": {"faked"}, "aud": {"faked"},
		"one": {"1"}, "two": {"1", "2"}, "blank": {""},
	}}
	rows := []struct {
		name string
		want any
	}{
		{"iss", "the issuer"},
		{"sub", "the subject"},
		{"aud", "the audience"},
		{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", "the subject"},
		{"one", "1"},
		{"two", []any{"1", "2"}},
		{"blank", ""},
		{"One", nil},
		{"", nil},
	}
	for _, row := range rows {
		got, ok := a.Claim(row.name)
		if !reflect.DeepEqual(got, row.want) || ok != (row.want != nil) {
			t.Errorf("%s: %v, %v", row.name, got, ok)
		}
	}
	a.Attributes[nameIdentifier] = []string{"its own"}
	if got, _ := a.Claim(nameIdentifier); got != "its own" {
		t.Errorf("nameidentifier: %v", got)
	}
}

func TestPrincipalTags(t *testing.T) {
	a := &Assertion{Attributes: map[string][]string{
		principalTagAttribute + "team":       {"blue"},
		principalTagAttribute + "a:b":        {"x"},
		principalTagAttribute:                {"no key"},
		principalTagAttribute + "many":       {"1", "2"},
		principalTagAttribute + "empty":      {""},
		"x" + principalTagAttribute + "team": {"red"},
	}}
	want := map[string]string{"team": "blue", "a:b": "x"}
	if got := a.PrincipalTags(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}
