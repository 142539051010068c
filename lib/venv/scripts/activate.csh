# For csh and tcsh: `source bin/activate.csh`; `deactivate` takes it back.

if ( $?_lsx_old_path ) setenv PATH "$_lsx_old_path"
setenv VIRTUAL_ENV @VENV@
setenv VIRTUAL_ENV_PROMPT @NAME@
set _lsx_old_path = "$PATH"
setenv PATH "${VIRTUAL_ENV}/bin:${PATH}"
unsetenv PYTHONHOME

if ( ! $?VIRTUAL_ENV_DISABLE_PROMPT && $?prompt ) then
    if ( ! $?_lsx_old_prompt ) set _lsx_old_prompt = "$prompt"
    set prompt = "(${VIRTUAL_ENV_PROMPT}) $_lsx_old_prompt"
endif

alias deactivate 'if ( $?_lsx_old_path ) setenv PATH "$_lsx_old_path"; unset _lsx_old_path; if ( $?_lsx_old_prompt ) set prompt = "$_lsx_old_prompt"; unset _lsx_old_prompt; unsetenv VIRTUAL_ENV; unsetenv VIRTUAL_ENV_PROMPT; rehash; unalias deactivate'
rehash
