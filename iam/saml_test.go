package iam_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"idpool/iam"
	"idpool/provider/saml"
	"idpool/wire"
)

// certificate is of an identity provider, in base64.
var certificate = func() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}()

// metadataOf is the metadata of an identity provider; attributes go to its root.
func metadataOf(entityID, attributes string) string {
	return padded(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + entityID + `"` + attributes + `>` +
		`<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">` +
		`<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + certificate + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>` +
		`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"/></IDPSSODescriptor></EntityDescriptor>`)
}

// padded makes a document as long as it must be.
func padded(document string) string { return fmt.Sprintf("%-1100s\n", document) }

var metadata = metadataOf("https://idp.example/saml", "")

func day(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func escaped(text string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		panic(err)
	}
	return b.String()
}

func TestCreateSAMLProvider(t *testing.T) {
	f := start(t)
	// Lines end as they did, and letters beyond ASCII survive.
	document := strings.Replace(metadata, "><IDPSSO", ">\r\n\t<IDPSSO", 1)
	document = strings.Replace(document, "idp.example/saml", "idp.example/é\U0001F511", 1)
	r := f.IAM(t, "CreateSAMLProvider", "Name", "Corp_1.-", "SAMLMetadataDocument", document,
		"Tags.member.1.Key", "z", "Tags.member.1.Value", "z", "Tags.member.2.Key", "A", "Tags.member.2.Value", "a", "AssertionEncryptionMode", "Allowed")
	answers(t, r, nil, reply("CreateSAMLProvider", "<SAMLProviderArn>arn:aws:iam::123456789012:saml-provider/Corp_1.-</SAMLProviderArn>"+
		"<Tags><member><Key>z</Key><Value>z</Value></member><member><Key>A</Key><Value>a</Value></member></Tags>"))

	// What Get answers, as IAM was seen to: the document as it was given, tags by key, a hundred years.
	created := f.Clock.Now()
	r = f.IAM(t, "GetSAMLProvider", "SAMLProviderArn", samlARN("Corp_1.-"))
	uuid := r.Element("SAMLProviderUUID")
	if !regexp.MustCompile(`^SAMLSP[A-Z0-9]{16}$`).MatchString(uuid) {
		t.Errorf("UUID %q", uuid)
	}
	answers(t, r, map[string]string{"uuid": uuid}, reply("GetSAMLProvider", "<SAMLProviderUUID>{uuid}</SAMLProviderUUID>"+
		"<SAMLMetadataDocument>"+escaped(document)+"</SAMLMetadataDocument>"+
		"<CreateDate>"+day(created)+"</CreateDate><ValidUntil>"+day(created.UTC().AddDate(100, 0, 0))+"</ValidUntil>"+
		"<Tags><member><Key>A</Key><Value>a</Value></member><member><Key>z</Key><Value>z</Value></member></Tags>"+
		"<AssertionEncryptionMode>Allowed</AssertionEncryptionMode><PrivateKeyList></PrivateKeyList>"))
	var whole struct {
		Document string `xml:"GetSAMLProviderResult>SAMLMetadataDocument"`
	}
	if err := xml.Unmarshal(r.Body, &whole); err != nil || whole.Document != document {
		t.Errorf("a client reads %q, %v", whole.Document, err)
	}

	// Without tags there are none in the reply.
	r = f.IAM(t, "CreateSAMLProvider", "Name", "Plain", "SAMLMetadataDocument", metadata)
	answers(t, r, nil, reply("CreateSAMLProvider", "<SAMLProviderArn>"+samlARN("Plain")+"</SAMLProviderArn>"))
	r = f.IAM(t, "GetSAMLProvider", "SAMLProviderArn", samlARN("Plain"))
	if !strings.Contains(string(r.Body), "<Tags></Tags>") || r.Element("SAMLProviderUUID") == uuid {
		t.Errorf("without tags: %s", r.Body)
	}
}

func TestCreateSAMLProviderRefuses(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateSAMLProvider", "Name", "Taken", "SAMLMetadataDocument", metadata).Must(t)
	with := func(params ...string) []string {
		return append([]string{"Name", "Corp", "SAMLMetadataDocument", metadata}, params...)
	}
	of := func(document string) []string { return []string{"Name", "Corp", "SAMLMetadataDocument", document} }
	named := func(name string) []string { return []string{"Name", name, "SAMLMetadataDocument", metadata} }
	pattern := func(name string) refusal {
		return constraint(name, "name", `Member must satisfy regular expression pattern: [\w._-]+`)
	}
	duplicate := refusal{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}
	f.refuses(t, "CreateSAMLProvider", []row{
		{"taken", named("Taken"), refusal{409, "EntityAlreadyExists", "Provider with name Taken already exists."}},
		{"no name", []string{"SAMLMetadataDocument", metadata}, missing("name")},
		{"a name with a space", named("a b"), pattern("a b")},
		{"a name with a slash", named("a/b"), pattern("a/b")},
		{"a name beyond ASCII", named("é"), pattern("é")},
		{"a name of 129", named(strings.Repeat("n", 129)), constraint(strings.Repeat("n", 129), "name", "Member must have length less than or equal to 128")},
		{"no document", []string{"Name", "Corp"}, missing("samlMetadataDocument")},
		{"a short document", of("<a/>"), constraint("<a/>", "samlMetadataDocument", "Member must have length greater than or equal to 1000")},
		{"a long document", of(strings.Repeat("x", wire.MaxBody)), refusal{413, "RequestEntityTooLargeException", "Request body is larger than 1 MiB."}},

		{"a private key", with("AddPrivateKey", "-----BEGIN PRIVATE KEY-----"), refusal{400, "InvalidInput", "Private keys are not supported: this server refuses encrypted assertions."}},
		{"encryption required", with("AssertionEncryptionMode", "Required"), refusal{400, "InvalidInput", "Failed to set assertion encryption mode to Required because no private key is present."}},
		{"an unknown mode", with("AssertionEncryptionMode", "Never"), constraint("Never", "assertionEncryptionMode", "Member must satisfy enum value set: [Required, Allowed]")},
		{"a tag twice", with("Tags.member.1.Key", "k", "Tags.member.1.Value", "1", "Tags.member.2.Key", "K", "Tags.member.2.Value", "2"), duplicate},
	})
	// A private key is never repeated.
	r := f.IAM(t, "CreateSAMLProvider", with("AddPrivateKey", strings.Repeat("SECRET", 5000))...)
	if r.Code() != "ValidationError" || strings.Contains(string(r.Body), "SECRET") {
		t.Errorf("a private key that is too long: %s", r.Body)
	}
	// What cannot be read tells why, in the words of the package that reads it.
	for name, document := range map[string]string{
		"no XML":               padded("x"),
		"another root":         strings.ReplaceAll(metadata, "EntityDescriptor", "SomethingElse"),
		"two roots":            metadata + metadata,
		"a DTD":                `<!DOCTYPE a [<!ENTITY b "c">]>` + metadata,
		"no entity ID":         strings.Replace(metadata, "entityID", "entity", 1),
		"no identity provider": padded(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example/saml"/>`),
		"a broken certificate": strings.Replace(metadata, "<X509Certificate>", "<X509Certificate>MIIB", 1),
		"an encryption key":    strings.Replace(metadata, `use="signing"`, `use="encryption"`, 1),
	} {
		_, err := saml.ParseMetadata(document)
		if err == nil {
			t.Errorf("%s is taken", name)
			continue
		}
		for action, params := range map[string][]string{
			"CreateSAMLProvider": of(document),
			"UpdateSAMLProvider": {"SAMLProviderArn", samlARN("Taken"), "SAMLMetadataDocument", document},
		} {
			refusal{400, "InvalidInput", "Could not parse metadata: " + err.Error()}.check(t, f.IAM(t, action, params...))
		}
	}
	noSAMLProvider(samlARN("Corp")).check(t, f.IAM(t, "GetSAMLProvider", "SAMLProviderArn", samlARN("Corp")))
}

func TestSAMLProviderLimit(t *testing.T) {
	f := start(t)
	for i := range iam.MaxSAMLProviders {
		f.IAM(t, "CreateSAMLProvider", "Name", fmt.Sprint(i), "SAMLMetadataDocument", metadata).Must(t)
	}
	one := []string{"Name", "one-more", "SAMLMetadataDocument", metadata}
	refusal{409, "LimitExceeded", "Cannot exceed quota for SAMLProvidersPerAccount: 100"}.check(t, f.IAM(t, "CreateSAMLProvider", one...))
	f.as(t, f.other, "", "CreateSAMLProvider", one...).Must(t) // each account has its own
	f.IAM(t, "DeleteSAMLProvider", "SAMLProviderArn", samlARN("7")).Must(t)
	f.IAM(t, "CreateSAMLProvider", one...).Must(t)
}

// Every operation that names a provider answers alike when there is none.
func TestUnknownSAMLProviders(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateSAMLProvider", "Name", "Corp", "SAMLMetadataDocument", metadata).Must(t)
	more := map[string][]string{
		"GetSAMLProvider": nil, "DeleteSAMLProvider": nil, "ListSAMLProviderTags": nil,
		"UpdateSAMLProvider": {"SAMLMetadataDocument", metadata}, "UntagSAMLProvider": {"TagKeys.member.1", "k"},
		"TagSAMLProvider": {"Tags.member.1.Key", "k", "Tags.member.1.Value", "v"},
	}
	for action, params := range more {
		var rows []row
		for _, arn := range []string{
			samlARN("nobody"), samlARN("corp"), samlARN("Corp/"), samlARN(""), "arn:aws:iam::999999999999:saml-provider/Corp",
			"arn:aws:iam::123456789012:oidc-provider/Corp", "Corp.Corp.Corp.Corp.Corp",
		} {
			rows = append(rows, row{arn, append([]string{"SAMLProviderArn", arn}, params...), noSAMLProvider(arn)})
		}
		rows = append(rows, row{"no ARN", params, missing("samlProviderArn")},
			row{"a short one", append([]string{"SAMLProviderArn", "Corp"}, params...), constraint("Corp", "samlProviderArn", "Member must have length greater than or equal to 20")})
		f.refuses(t, action, rows)
	}
	refusal := noSAMLProvider(samlARN("nobody")) // a mode that changes nothing is still a provider's
	refusal.check(t, f.IAM(t, "UpdateSAMLProvider", "SAMLProviderArn", samlARN("nobody"), "AssertionEncryptionMode", "Allowed"))
}

func TestUpdateSAMLProvider(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateSAMLProvider", "Name", "Corp", "SAMLMetadataDocument", metadata, "Tags.member.1.Key", "k", "Tags.member.1.Value", "v").Must(t)
	get := func() string {
		return string(f.IAM(t, "GetSAMLProvider", "SAMLProviderArn", samlARN("Corp")).Must(t).Body)
	}
	element := func(name string) string {
		return f.IAM(t, "GetSAMLProvider", "SAMLProviderArn", samlARN("Corp")).Must(t).Element(name)
	}
	update := func(params ...string) []string {
		return append([]string{"SAMLProviderArn", samlARN("Corp")}, params...)
	}
	created, uuid := element("CreateDate"), element("SAMLProviderUUID")

	f.Clock.Advance(48 * time.Hour)
	ends := metadataOf("https://idp.example/other", ` validUntil="2090-01-31T00:00:00Z"`)
	answers(t, f.IAM(t, "UpdateSAMLProvider", update("SAMLMetadataDocument", ends)...), nil, reply("UpdateSAMLProvider", "<SAMLProviderArn>"+samlARN("Corp")+"</SAMLProviderArn>"))
	if got := get(); !strings.Contains(got, "idp.example/other") || !strings.Contains(got, "<Key>k</Key>") {
		t.Errorf("after the update: %s", got)
	}
	if element("CreateDate") != created || element("SAMLProviderUUID") != uuid || element("ValidUntil") != "2090-01-31T00:00:00Z" {
		t.Errorf("made %s, then %s; valid until %s", created, element("CreateDate"), element("ValidUntil"))
	}
	f.IAM(t, "UpdateSAMLProvider", update("SAMLMetadataDocument", metadata)...).Must(t)
	if want := day(f.Clock.Now().UTC().AddDate(100, 0, 0)); element("ValidUntil") != want {
		t.Errorf("valid until %s, want %s", element("ValidUntil"), want)
	}
	state := element("GetSAMLProviderResult")
	f.IAM(t, "UpdateSAMLProvider", update("AssertionEncryptionMode", "Allowed")...).Must(t)
	f.refuses(t, "UpdateSAMLProvider", []row{
		{"nothing", update(), refusal{400, "ValidationError", "Unable to update identity provider. No updates are defined for metadata or encryption assertion."}},
		{"encryption required", update("AssertionEncryptionMode", "Required"), refusal{400, "InvalidInput", "Failed to set assertion encryption mode to Required because no private key is present."}},
		{"a private key", update("AddPrivateKey", "k", "SAMLMetadataDocument", ends), refusal{400, "InvalidInput", "Private keys are not supported: this server refuses encrypted assertions."}},
		{"a private key to remove", update("RemovePrivateKey", strings.Repeat("K", 22)), refusal{400, "InvalidInput", "Failed to remove private key. The provider has no private keys."}},
		{"a short document", update("SAMLMetadataDocument", "<a/>"), constraint("<a/>", "samlMetadataDocument", "Member must have length greater than or equal to 1000")},
	})
	if after := element("GetSAMLProviderResult"); after != state {
		t.Errorf("what was refused has changed it:\nfrom %s\nto   %s", state, after)
	}
}

func TestListAndDeleteSAMLProviders(t *testing.T) {
	f := start(t)
	now := f.Clock.Now()
	ends := map[string]string{"b": "2090-01-31T00:00:00Z", "a": day(now.UTC().AddDate(100, 0, 0)), "c": "2001-01-31T00:00:00Z"}
	for _, name := range []string{"b", "a", "c"} {
		f.IAM(t, "CreateSAMLProvider", "Name", name, "SAMLMetadataDocument", metadataOf("https://idp.example/"+name, map[string]string{
			"b": ` validUntil="` + ends["b"] + `"`, "c": ` validUntil="` + ends["c"] + `"`,
		}[name])).Must(t)
	}
	list := func(names ...string) string {
		var members strings.Builder
		for _, name := range names {
			members.WriteString("<member><Arn>" + samlARN(name) + "</Arn><ValidUntil>" + ends[name] + "</ValidUntil><CreateDate>" + day(now) + "</CreateDate></member>")
		}
		return reply("ListSAMLProviders", "<SAMLProviderList>"+members.String()+"</SAMLProviderList>")
	}
	answers(t, f.IAM(t, "ListSAMLProviders"), nil, list("a", "b", "c"))
	answers(t, f.IAM(t, "DeleteSAMLProvider", "SAMLProviderArn", samlARN("b")), nil, reply("DeleteSAMLProvider", ""))
	answers(t, f.IAM(t, "ListSAMLProviders"), nil, list("a", "c"))
	noSAMLProvider(samlARN("b")).check(t, f.IAM(t, "DeleteSAMLProvider", "SAMLProviderArn", samlARN("b")))
}

func TestSAMLProviderTags(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateSAMLProvider", "Name", "Corp", "SAMLMetadataDocument", metadata, "Tags.member.1.Key", "Team", "Tags.member.1.Value", "a").Must(t)
	tag := func(pairs ...string) []string {
		params := []string{"SAMLProviderArn", samlARN("Corp")}
		for i := 0; i < len(pairs); i += 2 {
			n := fmt.Sprint(i/2 + 1)
			params = append(params, "Tags.member."+n+".Key", pairs[i], "Tags.member."+n+".Value", pairs[i+1])
		}
		return params
	}
	list := func(params ...string) (tags, truncated, marker string) {
		t.Helper()
		r := f.IAM(t, "ListSAMLProviderTags", append([]string{"SAMLProviderArn", samlARN("Corp")}, params...)...).Must(t)
		tags = strings.NewReplacer("</Value>", "", "<member>", "", "</member>", " ", "<Key>", "", "</Key>", "=", "<Value>", "").Replace(r.Element("Tags"))
		return strings.TrimSpace(tags), r.Element("IsTruncated"), r.Element("Marker")
	}
	want := func(tags string) {
		t.Helper()
		if got, truncated, _ := list(); got != tags || truncated != "false" {
			t.Errorf("tags %s, want %s; truncated: %s", got, tags, truncated)
		}
	}
	want("Team=a")
	answers(t, f.IAM(t, "TagSAMLProvider", tag("z", "", "Env", "prod")...), nil, reply("TagSAMLProvider", ""))
	want("Env=prod Team=a z=")
	f.IAM(t, "TagSAMLProvider", tag("TEAM", "b")...).Must(t) // the same key: its case and its value are new
	want("Env=prod TEAM=b z=")
	answers(t, f.IAM(t, "UntagSAMLProvider", "SAMLProviderArn", samlARN("Corp"), "TagKeys.member.1", "env", "TagKeys.member.2", "nobody"), nil, reply("UntagSAMLProvider", ""))
	want("TEAM=b z=")

	var many []string
	for i := range 48 {
		many = append(many, fmt.Sprintf("k%02d", i), "v")
	}
	f.IAM(t, "TagSAMLProvider", tag(many...)...).Must(t)
	full := refusal{409, "LimitExceeded", "The number of tags has reached the maximum limit."}
	full.check(t, f.IAM(t, "TagSAMLProvider", tag("one-more", "v")...))
	f.IAM(t, "TagSAMLProvider", tag("K00", "w")...).Must(t)
	var pages []string
	for marker := ""; ; {
		params := []string{"MaxItems", "20"}
		if marker != "" {
			params = append(params, "Marker", marker)
		}
		tags, truncated, next := list(params...)
		pages = append(pages, strings.Fields(tags)...)
		if marker = next; marker == "" {
			if truncated != "false" {
				t.Errorf("the last page is truncated: %s", truncated)
			}
			break
		}
	}
	if all, _, _ := list(); strings.Join(pages, " ") != all || len(pages) != 50 {
		t.Errorf("%d tags by page: %v\nat once: %s", len(pages), pages, all)
	}

	arn := []string{"SAMLProviderArn", samlARN("Corp")}
	f.IAM(t, "CreateSAMLProvider", "Name", "Corp2", "SAMLMetadataDocument", metadata, "Tags.member.1.Key", "a", "Tags.member.1.Value", "1", "Tags.member.2.Key", "b", "Tags.member.2.Value", "2").Must(t)
	others := f.IAM(t, "ListSAMLProviderTags", "SAMLProviderArn", samlARN("Corp2"), "MaxItems", "1").Must(t).Element("Marker")
	f.refuses(t, "ListSAMLProviderTags", []row{
		{"no marker", append(arn, "Marker", "x"), refusal{400, "ValidationError", "Invalid Marker."}},
		{"a marker of another's", append(arn, "Marker", others), refusal{400, "ValidationError", "Invalid Marker."}},
		{"a negative marker", append(arn, "Marker", "-1"), refusal{400, "ValidationError", "Invalid Marker."}},
		{"no items", append(arn, "MaxItems", "0"), constraint("0", "maxItems", "Member must have value greater than or equal to 1")},
	})
	f.refuses(t, "TagSAMLProvider", []row{
		{"no tags", arn, missing("tags")},
		{"a reserved key", tag("AWS:x", "1"), refusal{400, "InvalidInput", "Tag keys that begin with aws: are reserved: AWS:x"}},
		{"a key twice", tag("k", "1", "K", "2"), refusal{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}},
	})
	f.refuses(t, "UntagSAMLProvider", []row{{"no keys", arn, missing("tagKeys")}})
}
