package store

// Names of the settings that a deployment keeps.
const (
	SettingIssuerURL = "issuer_url" // given at the first start
	SettingAccount   = "account"    // the first account
	SettingDev       = "dev"        // present if --dev made this database
	SettingDevPool   = "dev_pool"   // id of the sample pool of --dev
	SettingMasterKey = "master_key" // on PostgreSQL, when the operator gave none
)

var (
	settingByName = statement(`SELECT value FROM settings WHERE name = $1`)
	insertSetting = statement(`INSERT INTO settings (name, value) VALUES ($1, $2)`)
	updateSetting = statement(`UPDATE settings SET value = $2 WHERE name = $1`)
)

// Setting returns a setting's value, or ErrNotFound.
func (tx *Tx) Setting(name string) (value []byte, err error) {
	err = tx.row(settingByName, []any{name}, &value)
	return value, err
}

// CreateSetting sets a setting for the first time; ErrExists if somebody has.
func (tx *Tx) CreateSetting(name string, value []byte) error {
	return tx.exec(insertSetting, name, value)
}

// ChangeSetting replaces a setting that exists.
func (tx *Tx) ChangeSetting(name string, value []byte) error {
	return tx.exec(updateSetting, name, value)
}
