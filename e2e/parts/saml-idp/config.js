// Who signs in at saml-idp, and what is said of them: their name is what the form says, the rest is the same for all.
const role = 'https://aws.amazon.com/SAML/Attributes/Role';
const session = 'https://aws.amazon.com/SAML/Attributes/RoleSessionName';

module.exports = {
  user: {
    nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    email: 'user@example.com',
    [role]: 'arn:aws:iam::000000000000:role/Editor,arn:aws:iam::000000000000:saml-provider/saml-idp',
    [session]: 'user',
  },
  metadata: [role, session, 'email'].map((id) => ({ id, displayName: id, description: id })),
};
