package sts

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"idpool/iam"
	"idpool/policy"
	"idpool/provider"
	"idpool/provider/saml"
	"idpool/store"
	"idpool/wire"
)

// AssumeRoleWithSAMLInput is the input of AssumeRoleWithSAML.
type AssumeRoleWithSAMLInput struct {
	RoleArn         string      `api:"arnType,required"`
	PrincipalArn    string      `api:"arnType,required"`
	SAMLAssertion   string      `api:"SAMLAssertionType,required"`
	PolicyArns      []PolicyARN `api:"policyDescriptorListType"`
	Policy          string      `api:"sessionPolicyDocumentType"`
	DurationSeconds int64       `api:"roleDurationSecondsType"`
}

// AssumeRoleWithSAMLOutput is the output of AssumeRoleWithSAML.
type AssumeRoleWithSAMLOutput struct {
	Credentials      Credentials
	AssumedRoleUser  AssumedRoleUser
	PackedPolicySize int `xml:",omitempty"`
	Subject          string
	SubjectType      string
	Issuer           string
	Audience         string // where the assertion was sent, as the original has it
	NameQualifier    string // names the provider together with Subject
	SourceIdentity   string `xml:",omitempty"`
}

// Attributes of assertions that mean something to STS ("Configure SAML assertions for the authentication response", IAM guide).
const (
	samlAttributes    = "https://aws.amazon.com/SAML/Attributes/"
	samlSessionName   = samlAttributes + "RoleSessionName"
	samlDuration      = samlAttributes + "SessionDuration"
	samlTransitive    = samlAttributes + "TransitiveTagKeys"
	samlSource        = samlAttributes + "SourceIdentity"
	samlSubjectPrefix = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
)

const samlAction = "sts:AssumeRoleWithSAML"

// AssumeRoleWithSAML gives credentials of a role for an assertion of a SAML provider of its account, if the assertion grants
// the role and the role's trust policy takes it.
func (s *Service) AssumeRoleWithSAML(ctx context.Context, in *AssumeRoleWithSAMLInput) (*AssumeRoleWithSAMLOutput, error) {
	account, err := roleAccount(in.RoleArn)
	if err != nil {
		return nil, err
	}
	p, version, err := s.samlProvider(ctx, account, in.PrincipalArn)
	if err != nil {
		return nil, err
	}
	a, err := s.Verifier.SAML(p, in.SAMLAssertion)
	if err != nil {
		return nil, wordSAML(err)
	}
	f := &federation{
		action: samlAction, account: account, version: version, roleARN: in.RoleArn, policy: in.Policy, policies: in.PolicyArns,
		asked: time.Duration(in.DurationSeconds) * time.Second, until: a.SessionNotOnOrAfter,
	}
	if err := f.readAssertion(a, p.ARN); err != nil {
		return nil, err
	}
	assumed, err := s.federate(ctx, f)
	if err != nil {
		return nil, err
	}
	return &AssumeRoleWithSAMLOutput{
		Credentials: assumed.Credentials, AssumedRoleUser: assumed.user(f.sessionName), PackedPolicySize: assumed.Packed,
		Subject: a.Subject, SubjectType: f.who.Type, Issuer: a.Issuer, Audience: a.Recipient, NameQualifier: f.who.Qualifier,
		SourceIdentity: f.passage.source,
	}, nil
}

func (s *Service) samlProvider(ctx context.Context, account, arn string) (*provider.SAML, int64, error) {
	version, err := s.accountVersion(ctx, account)
	if err == nil {
		var p *provider.SAML
		if p, err = s.IAM.SAMLProvider(ctx, account, version, arn); err == nil {
			return p, version, nil
		}
	}
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, iam.ErrNoProvider) {
		return nil, 0, invalidToken("Specified provider doesn't exist")
	}
	return nil, 0, err
}

// wordSAML words why a response proves nothing, in the original's words where they are known ("Troubleshoot SAML federation",
// IAM guide).
func wordSAML(err error) error {
	var rejected *saml.Rejected
	if !errors.As(err, &rejected) {
		return err
	}
	refused := &wire.Error{Code: "InvalidIdentityToken", Cause: rejected}
	switch kind := rejected.Kind; {
	case errors.Is(kind, saml.ErrNotSuccess):
		return rejectedClaim("The identity provider reports a failure, not a sign-in.", rejected)
	case errors.Is(kind, saml.ErrExpired):
		refused.Code, refused.Message = "ExpiredTokenException", "Response has expired"
	case errors.Is(kind, saml.ErrNotYetValid):
		refused.Message = "Response is not yet valid"
	case errors.Is(kind, saml.ErrSignature):
		refused.Message = "Response signature invalid"
	case errors.Is(kind, saml.ErrIssuer):
		refused.Message = "Issuer not present in specified provider"
	case errors.Is(kind, saml.ErrAudience):
		refused.Message = "Response does not contain the required audience."
	case errors.Is(kind, saml.ErrMisdirected):
		refused.Message = "Response was sent to another recipient."
	case errors.Is(kind, saml.ErrMetadataExpired):
		refused.Message = "The metadata of the SAML provider has expired."
	case errors.Is(kind, saml.ErrEncrypted):
		refused.Message = "Encrypted SAML assertions are not supported. Switch encryption off at the identity provider."
	default:
		refused.Message = "Invalid SAML response." // the log says why
	}
	return refused
}

// readAssertion reads what a verified assertion says for STS: the roles that it grants, the session's name, and all that is
// optional.
func (f *federation) readAssertion(a *saml.Assertion, providerARN string) error {
	granted := false
	for _, r := range a.Roles() {
		granted = granted || r == saml.Role{Role: f.roleARN, Provider: providerARN}
	}
	if !granted {
		return accessDenied(samlAction, errors.New("the assertion grants no such role by this provider"))
	}
	names := a.Attributes[samlSessionName]
	if len(names) != 1 {
		return invalidToken("RoleSessionName is required in AuthnResponse")
	}
	if f.sessionName = names[0]; !sourceForm.MatchString(f.sessionName) {
		return invalidToken("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
	}
	if values := a.Attributes[samlDuration]; len(values) > 0 {
		seconds, err := strconv.Atoi(strings.TrimSpace(values[0]))
		if err != nil || len(values) > 1 || seconds < 900 || seconds > 43200 {
			return invalidToken("SessionDuration in AuthnResponse must be a number of seconds from 900 to 43200")
		}
		f.most = time.Duration(seconds) * time.Second
	}
	if err := f.readPassage(a); err != nil {
		return err
	}
	_, name, _ := strings.Cut(providerARN, ":saml-provider/")
	f.who = Federated{
		Provider: providerARN, Subject: a.Subject, Type: strings.TrimPrefix(a.SubjectFormat, samlSubjectPrefix),
		Qualifier: nameQualifier(a.Issuer, f.account, name),
	}
	f.keys = append(samlKeys(a), f.who.context()...)
	f.keys = append(f.keys, policy.Pair{Key: "saml:doc", Values: []string{f.account + "/" + name}})
	return nil
}

func (f *federation) readPassage(a *saml.Assertion) error {
	p := &f.passage
	p.tags, p.asked = a.PrincipalTags(), a.Attributes[samlTransitive]
	p.transitive = inTheirSpelling(p.tags, p.asked)
	if problem := tagProblem(p.tags, p.transitive); problem != "" {
		return invalidParameter(problem)
	}
	values := a.Attributes[samlSource]
	if len(values) == 0 {
		return nil
	}
	if p.source = values[0]; len(values) > 1 || !sourceForm.MatchString(p.source) {
		return invalidToken(badSource)
	}
	return nil
}

// nameQualifier is as the reference of AssumeRoleWithSAML says it.
func nameQualifier(issuer, account, name string) string {
	sum := sha1.Sum([]byte(issuer + account + "/" + name))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// samlNames are the attributes that are condition keys, saml:KEY, by their Names ("Available keys for SAML-based AWS STS
// federation", IAM guide).
var samlNames = map[string]string{
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.1":   "edupersonaffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.2":   "edupersonnickname",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.3":   "edupersonorgdn",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.4":   "edupersonorgunitdn",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.5":   "edupersonprimaryaffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.6":   "edupersonprincipalname",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.7":   "edupersonentitlement",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.8":   "edupersonprimaryorgunitdn",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.9":   "edupersonscopedaffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.10":  "edupersontargetedid",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.11":  "edupersonassurance",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.2":   "eduorghomepageuri",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.3":   "eduorgidentityauthnpolicyuri",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.4":   "eduorglegalname",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.5":   "eduorgsuperioruri",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.6":   "eduorgwhitepagesuri",
	"urn:oid:2.5.4.3":                    "cn",
	"urn:oid:2.5.4.4":                    "surname",
	"urn:oid:2.5.4.42":                   "givenName",
	"urn:oid:2.5.4.45":                   "x500UniqueIdentifier",
	"urn:oid:0.9.2342.19200300.100.1.1":  "uid",
	"urn:oid:0.9.2342.19200300.100.1.3":  "mail",
	"urn:oid:0.9.2342.19200300.100.1.45": "organizationStatus",
}

// samlKeys are the condition keys that only the trust policy sees.
func samlKeys(a *saml.Assertion) policy.Context {
	keys := policy.Context{
		{Key: "saml:aud", Values: []string{a.Recipient}},
		{Key: "saml:iss", Values: []string{a.Issuer}},
	}
	for name, values := range a.Attributes {
		if key, known := samlNames[name]; known {
			keys = append(keys, policy.Pair{Key: "saml:" + key, Values: values})
		}
	}
	return keys
}
