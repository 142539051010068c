# For fish: `source bin/activate.fish`; `deactivate` takes it back.

function deactivate --description 'Leave the virtual environment'
    if set -q _lsx_old_path
        set -gx PATH $_lsx_old_path
        set -e _lsx_old_path
    end
    if set -q _lsx_old_pythonhome
        set -gx PYTHONHOME $_lsx_old_pythonhome
        set -e _lsx_old_pythonhome
    end
    if functions -q _lsx_old_fish_prompt
        functions -e fish_prompt
        functions -c _lsx_old_fish_prompt fish_prompt
        functions -e _lsx_old_fish_prompt
    end
    set -e VIRTUAL_ENV
    set -e VIRTUAL_ENV_PROMPT
    if test "$argv[1]" != nondestructive
        functions -e deactivate
    end
end
deactivate nondestructive

set -gx VIRTUAL_ENV @VENV@
set -gx VIRTUAL_ENV_PROMPT @NAME@
set -g _lsx_old_path $PATH
set -gx PATH $VIRTUAL_ENV/bin $PATH

if set -q PYTHONHOME
    set -g _lsx_old_pythonhome $PYTHONHOME
    set -e PYTHONHOME
end
if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"; and functions -q fish_prompt
    functions -c fish_prompt _lsx_old_fish_prompt
    function fish_prompt
        # The prompt may show the status of the last command: set before, not after, what it could lose it to.
        set -l last $status
        printf '(%s) ' $VIRTUAL_ENV_PROMPT
        sh -c "exit $last"
        _lsx_old_fish_prompt
    end
end
