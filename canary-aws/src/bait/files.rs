//! The files, as `aws configure` writes them.

use aws_sdk_sts::types::Credentials;
use canary_core::value::SecretBytes;
use zeroize::Zeroizing;

use super::PodRole;

/// `~/.aws/credentials` of a profile with a session.
pub(super) fn credentials(role: &PodRole, session: &Credentials) -> SecretBytes {
    let text = Zeroizing::new(format!(
        "[{}]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
        role.profile,
        session.access_key_id(),
        session.secret_access_key(),
        session.session_token(),
    ));
    SecretBytes::new(text.as_bytes())
}

/// `~/.aws/config` of that profile.
pub(super) fn config(role: &PodRole) -> SecretBytes {
    let text = format!(
        "[profile {}]\nregion = {}\noutput = json\n",
        role.profile, role.region
    );
    SecretBytes::new(text.as_bytes())
}
