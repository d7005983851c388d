package saml

import (
	"slices"
	"strings"
)

// The attributes that Amazon Web Services defines.
const (
	roleAttribute         = "https://aws.amazon.com/SAML/Attributes/Role"
	principalTagAttribute = "https://aws.amazon.com/SAML/Attributes/PrincipalTag:" // and the tag's key
)

// nameIdentifier is what a subject is called among claims; most identity providers have it as NameID alone.
const nameIdentifier = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"

// Role is a role that an assertion grants, and the provider that may grant it.
type Role struct {
	Role     string // its ARN
	Provider string // the ARN of the SAML provider in IAM
}

// Roles returns what the attribute for roles grants, in its order and each once. A value that is not a role's and a SAML
// provider's ARN, with a comma between them and in either order, is passed over.
func (a *Assertion) Roles() []Role {
	var roles []Role
	for _, value := range a.Attributes[roleAttribute] {
		first, second, _ := strings.Cut(value, ",")
		r := Role{Role: strings.TrimSpace(first), Provider: strings.TrimSpace(second)}
		if isARN(r.Role, "saml-provider/") {
			r.Role, r.Provider = r.Provider, r.Role
		}
		if isARN(r.Role, "role/") && isARN(r.Provider, "saml-provider/") && !slices.Contains(roles, r) {
			roles = append(roles, r)
		}
	}
	return roles
}

// isARN tells whether s looks like the ARN of a resource of IAM, such as arn:aws:iam::123456789012:role/name.
func isARN(s, resource string) bool {
	parts := strings.SplitN(s, ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && parts[2] == "iam" && strings.HasPrefix(parts[5], resource) &&
		!strings.ContainsAny(s, ", \t\r\n")
}

// Claim returns an attribute by its Name: a string if it has one value, else []any of strings. Names of a token's claims stand
// for what an assertion has in their place: iss, aud, and sub, which is also called nameidentifier. An attribute of the name iss,
// aud or sub is not to be had this way.
func (a *Assertion) Claim(name string) (value any, ok bool) {
	switch name {
	case "iss":
		return a.Issuer, true
	case "aud":
		return a.Audience, true
	case "sub":
		return a.Subject, true
	}
	values := a.Attributes[name]
	switch {
	case len(values) == 1:
		return values[0], true
	case len(values) > 1:
		all := make([]any, len(values))
		for i, v := range values {
			all[i] = v
		}
		return all, true
	case name == nameIdentifier:
		return a.Subject, true
	}
	return nil, false
}

// PrincipalTags returns the tags that the assertion itself gives, by key. An attribute with several values gives none, since a
// tag has one.
func (a *Assertion) PrincipalTags() map[string]string {
	tags := make(map[string]string)
	for name, values := range a.Attributes {
		key, ok := strings.CutPrefix(name, principalTagAttribute)
		if ok && key != "" && len(values) == 1 && values[0] != "" {
			tags[key] = values[0]
		}
	}
	return tags
}
