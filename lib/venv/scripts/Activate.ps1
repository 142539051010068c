<#
.SYNOPSIS
Activates this virtual environment in the running PowerShell; deactivate takes it back.
#>
function global:deactivate ([switch]$NonDestructive) {
    if (Test-Path variable:global:_LsxOldPath) {
        $env:PATH = $global:_LsxOldPath
        Remove-Variable -Name _LsxOldPath -Scope global
    }
    if (Test-Path variable:global:_LsxOldPythonHome) {
        $env:PYTHONHOME = $global:_LsxOldPythonHome
        Remove-Variable -Name _LsxOldPythonHome -Scope global
    }
    if (Test-Path function:global:_LsxOldPrompt) {
        Copy-Item -Path function:global:_LsxOldPrompt -Destination function:global:prompt
        Remove-Item -Path function:global:_LsxOldPrompt
    }
    Remove-Item -Path env:VIRTUAL_ENV, env:VIRTUAL_ENV_PROMPT -ErrorAction SilentlyContinue
    if (-not $NonDestructive) {
        Remove-Item -Path function:deactivate
    }
}
deactivate -NonDestructive

$env:VIRTUAL_ENV = @VENV@
$env:VIRTUAL_ENV_PROMPT = @NAME@
$global:_LsxOldPath = $env:PATH
$env:PATH = Join-Path $env:VIRTUAL_ENV 'bin'
if ($global:_LsxOldPath) {
    $env:PATH += [IO.Path]::PathSeparator + $global:_LsxOldPath
}
if (Test-Path env:PYTHONHOME) {
    $global:_LsxOldPythonHome = $env:PYTHONHOME
    Remove-Item -Path env:PYTHONHOME
}
if (-not $env:VIRTUAL_ENV_DISABLE_PROMPT) {
    Copy-Item -Path function:prompt -Destination function:global:_LsxOldPrompt
    function global:prompt {
        Write-Host -NoNewline "($env:VIRTUAL_ENV_PROMPT) "
        _LsxOldPrompt
    }
}
