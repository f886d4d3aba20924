# SPDX-License-Identifier: MIT
<#
.SYNOPSIS
Checks an installed K2s tree on a real Windows machine: what wine cannot show.

.DESCRIPTION
Works on a copy of the tree below Program Files and removes it again. Needs an elevated Windows PowerShell
5.1 or later, and curl.exe (Windows 10 1803 and later). Registers a service for the time of the run.
The last line is "N passed, N failed, N skipped"; the exit code is 1 when something failed.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File acceptance.ps1 -Tree C:\k2s
#>
param(
    [Parameter(Mandatory = $true)] [string] $Tree,
    [switch] $Keep
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$identity = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
if (-not $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    throw 'Run this in an elevated PowerShell: it registers a service and changes access lists.'
}
if (-not (Test-Path -LiteralPath (Join-Path $Tree 'bin\k2s.exe'))) {
    throw "'$Tree' is no installed tree: it has no bin\k2s.exe."
}

$script:passed = 0
$script:failed = 0
$script:skipped = 0
$unique = 'k2s-acceptance-' + [Guid]::NewGuid().ToString('N').Substring(0, 8)
$work = Join-Path $env:ProgramFiles $unique
$root = Join-Path $work 'tree'
$bin = Join-Path $root 'bin'
$plugins = Join-Path $root 'lib\k2s\plugins'
$logs = Join-Path $work 'logs'
$running = New-Object System.Collections.ArrayList
# Neither curl nor our proxy may take another way than the one that is tested.
foreach ($variable in 'NO_PROXY', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY') {
    Remove-Item -Path "Env:$variable" -ErrorAction SilentlyContinue
}

# ---- helpers -----------------------------------------------------------------------------------

# One argument as CommandLineToArgvW reads it.
function Format-Argument([string] $Text) {
    if ($Text -ne '' -and $Text -notmatch '[\s"]') { return $Text }
    $escaped = [regex]::Replace($Text, '(\\*)"', '$1$1\"')
    $escaped = [regex]::Replace($escaped, '(\\+)$', '$1$1')
    return '"' + $escaped + '"'
}

function Start-Tool([string] $Exe, [string[]] $Arguments) {
    $info = New-Object System.Diagnostics.ProcessStartInfo
    $info.FileName = $Exe
    $info.Arguments = (@($Arguments | ForEach-Object { Format-Argument $_ }) -join ' ')
    $info.UseShellExecute = $false
    $info.CreateNoWindow = $true # a console of its own, without a window
    $info.RedirectStandardInput = $true
    $info.RedirectStandardOutput = $true
    $info.RedirectStandardError = $true
    $info.StandardOutputEncoding = [Text.Encoding]::UTF8
    $info.StandardErrorEncoding = [Text.Encoding]::UTF8
    $info.EnvironmentVariables['K2S_LOG_ROOT'] = $logs
    $process = [System.Diagnostics.Process]::Start($info)
    $job = New-Object PSObject -Property @{
        Process = $process
        Out = $process.StandardOutput.ReadToEndAsync()
        Err = $process.StandardError.ReadToEndAsync()
    }
    [void] $running.Add($job)
    return $job
}

function Wait-Tool($Job, [int] $Seconds) {
    if (-not $Job.Process.WaitForExit($Seconds * 1000)) {
        $Job.Process.Kill()
        throw "it did not end within $Seconds s; it printed: $($Job.Err.Result)"
    }
    $running.Remove($Job)
    return New-Object PSObject -Property @{
        Code = $Job.Process.ExitCode; Out = $Job.Out.Result; Err = $Job.Err.Result
    }
}

# Its whole standard input; the writer of .NET may put a byte order mark before it.
function Send-Input($Job, [string] $Text) {
    $bytes = (New-Object Text.UTF8Encoding $false).GetBytes($Text)
    $Job.Process.StandardInput.BaseStream.Write($bytes, 0, $bytes.Length)
    $Job.Process.StandardInput.Close()
}

function Invoke-Tool([string] $Exe, [string[]] $Arguments, [string] $InputText = '') {
    $job = Start-Tool $Exe $Arguments
    Send-Input $job $InputText
    return Wait-Tool $job 60
}

function Get-Tool([string] $Name) { return Join-Path $bin ($Name + '.exe') }

function Assert([bool] $Condition, [string] $Text) {
    if (-not $Condition) { throw $Text }
}

function Assert-Code($Result, [int] $Code) {
    Assert ($Result.Code -eq $Code) "exit code $($Result.Code) instead of $Code; it printed: $($Result.Out)$($Result.Err)"
}

# A block sees the variables of its caller here, too: names that no case uses.
function Test-Case([string] $CaseTitle, [scriptblock] $CaseBody) {
    try {
        $caseAnswer = & $CaseBody | Select-Object -Last 1
        if ($caseAnswer -is [string] -and $caseAnswer.StartsWith('skip: ')) {
            $script:skipped++
            Write-Host "SKIP  $CaseTitle ($($caseAnswer.Substring(6)))"
        } else {
            $script:passed++
            Write-Host "ok    $CaseTitle"
        }
    } catch {
        $script:failed++
        Write-Host "FAIL  $CaseTitle"
        Write-Host "      $($_.Exception.Message)"
    }
}

function Wait-Until([int] $WaitSeconds, [string] $WaitedFor, [scriptblock] $WaitCondition) {
    $waitEnd = (Get-Date).AddSeconds($WaitSeconds)
    while ((Get-Date) -lt $waitEnd) {
        if (& $WaitCondition) { return }
        Start-Sleep -Milliseconds 100
    }
    throw "$WaitedFor did not happen within $WaitSeconds s"
}

function Get-FreePort {
    $listener = New-Object Net.Sockets.TcpListener ([Net.IPAddress]::Loopback, 0)
    $listener.Start()
    $port = $listener.LocalEndpoint.Port
    $listener.Stop()
    return $port
}

function Test-Port([int] $Port) {
    $client = New-Object Net.Sockets.TcpClient
    try { $client.Connect('127.0.0.1', $Port); return $true } catch { return $false } finally { $client.Close() }
}

function Write-Text([string] $Path, [string] $Text) {
    [IO.File]::WriteAllText($Path, $Text, (New-Object Text.UTF8Encoding $false))
}

# status and size of a request through a proxy
function Get-ThroughProxy([string] $Proxy, [string[]] $Arguments) {
    return (& curl.exe -s -m 20 -o NUL -w '%{http_code} %{size_download}' -x $Proxy @Arguments)
}

# Ctrl-C (0) or Ctrl-Break (1) for the console of another process. From a process of its own, because
# it has to leave its console for the other.
function Send-ConsoleEvent([int] $ProcessId, [int] $Kind) {
    $code = @"
Add-Type -Namespace K2s -Name Console -MemberDefinition '
[DllImport("kernel32.dll")] public static extern bool FreeConsole();
[DllImport("kernel32.dll")] public static extern bool AttachConsole(uint id);
[DllImport("kernel32.dll")] public static extern bool SetConsoleCtrlHandler(IntPtr handler, bool add);
[DllImport("kernel32.dll")] public static extern bool GenerateConsoleCtrlEvent(uint kind, uint group);'
[void] [K2s.Console]::FreeConsole()
if (-not [K2s.Console]::AttachConsole($ProcessId)) { exit 3 }
[void] [K2s.Console]::SetConsoleCtrlHandler([IntPtr]::Zero, `$true)
if (-not [K2s.Console]::GenerateConsoleCtrlEvent($Kind, 0)) { exit 4 }
Start-Sleep -Milliseconds 300
exit 0
"@
    $encoded = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($code))
    $sender = Start-Process powershell.exe -PassThru -Wait -WindowStyle Hidden `
        -ArgumentList '-NoProfile', '-EncodedCommand', $encoded
    # Ctrl-Break ends the sender, too: it has no handler for it.
    Assert (@(3, 4) -notcontains $sender.ExitCode) "the console event could not be sent ($($sender.ExitCode))"
}

# An origin that answers everything with 64 KiB and closes.
$originPort = Get-FreePort
$origin = Start-Job -ArgumentList $originPort -ScriptBlock {
    param($Port)
    $body = New-Object byte[] 65536
    $head = [Text.Encoding]::ASCII.GetBytes("HTTP/1.1 200 OK`r`nContent-Length: 65536`r`nConnection: close`r`n`r`n")
    $listener = New-Object Net.Sockets.TcpListener ([Net.IPAddress]::Any, $Port)
    $listener.Start(100)
    while ($true) {
        $client = $listener.AcceptTcpClient()
        try {
            $stream = $client.GetStream()
            $seen = ''
            $buffer = New-Object byte[] 8192
            while (-not $seen.EndsWith("`r`n`r`n")) {
                $got = $stream.Read($buffer, 0, $buffer.Length)
                if ($got -eq 0) { break }
                $seen += [Text.Encoding]::ASCII.GetString($buffer, 0, $got)
            }
            $stream.Write($head, 0, $head.Length)
            $stream.Write($body, 0, $body.Length)
        } catch { } finally { $client.Close() }
    }
}
$originUrl = "http://127.0.0.1:$originPort/"
$wholeAnswer = '200 65536'

function Start-Proxy([string[]] $Arguments, [int] $Port) {
    $job = Start-Tool (Get-Tool 'httpproxy') $Arguments
    Wait-Until 20 "the proxy's listening on port $Port" {
        if ($job.Process.HasExited) { throw "the proxy ended with $($job.Process.ExitCode): $($job.Err.Result)" }
        Test-Port $Port
    }
    return $job
}

# ---- the cases ---------------------------------------------------------------------------------

function Test-Exes {
    foreach ($name in 'k2s', 'httpproxy', 'yaml2json', 'cloudinitisobuilder') {
        Test-Case "exe: $name starts and has a version resource" {
            $result = Invoke-Tool (Get-Tool $name) @('--version')
            Assert-Code $result 0
            Assert ($result.Out.StartsWith("${name}: ")) "its version is: $($result.Out)"
            $file = (Get-Item -LiteralPath (Get-Tool $name)).VersionInfo
            Assert ($file.FileDescription -ne $null -and $file.FileVersion -ne $null) 'the resource is empty'
        }
    }
    Test-Case 'plugins: all are usable' {
        $result = Invoke-Tool (Get-Tool 'k2s') @('plugin', 'list', '--format', 'json')
        Assert-Code $result 0
        $list = $result.Out | ConvertFrom-Json # @() would make one element of it in 5.1
        Assert ($list.Count -ge 3) "only $($list.Count) plugins"
        foreach ($plugin in $list) { Assert ($plugin.state -eq 'usable') "$($plugin.id) is $($plugin.state)" }
    }
    Test-Case 'plugins: a new one is probed, loaded and used; the second run skips the probe' {
        foreach ($run in 1, 2) {
            $result = Invoke-Tool (Get-Tool 'yaml2json') @() "name: web`n"
            Assert-Code $result 0
            Assert ($result.Out.Trim() -eq '{"name":"web"}') "it printed: $($result.Out)"
        }
    }
}

function Test-Paths {
    $name = 'gr' + [char]0xFC + 'n-' + [char]0x65E5 + [char]0x672C + '-' + [char]::ConvertFromUtf32(0x1F600)
    Test-Case 'paths: Unicode names in and out' {
        $folder = Join-Path $work $name
        [void] (New-Item -ItemType Directory -Path $folder)
        $text = 'key: ' + $name + "`n"
        Write-Text (Join-Path $folder "$name.yaml") $text
        $result = Invoke-Tool (Get-Tool 'yaml2json') @('-input', (Join-Path $folder "$name.yaml"), '-output', (Join-Path $folder "$name.json"))
        Assert-Code $result 0
        $json = [IO.File]::ReadAllText((Join-Path $folder "$name.json"))
        Assert ($json -eq ('{"key":"' + $name + '"}')) "the file has: $json"
    }
    Test-Case 'paths: longer than 260 characters' {
        $deep = Join-Path $work 'deep'
        foreach ($level in 1..8) { $deep = Join-Path $deep ('x' * 40) }
        Write-Text (Join-Path $work 'short.yaml') "long: true`n"
        & cmd.exe /c "mkdir ""\\?\$deep"" && copy /y ""$work\short.yaml"" ""\\?\$deep\in.yaml"" >NUL"
        Assert ($LASTEXITCODE -eq 0) 'the long folder could not be made'
        $result = Invoke-Tool (Get-Tool 'yaml2json') @('-input', "$deep\in.yaml", '-output', "$deep\out.json")
        Assert-Code $result 0
        $result = Invoke-Tool (Get-Tool 'yaml2json') @("$deep\out.json")
        Assert ($result.Out.Trim() -eq '{"long":true}') "it printed: $($result.Out)$($result.Err)"
    }
}

function Test-Proxy {
    $port = Get-FreePort
    Test-Case 'httpproxy: plain requests and tunnels' {
        $proxy = Start-Proxy @('--addr', "127.0.0.1:$port") $port
        try {
            $plain = Get-ThroughProxy "http://127.0.0.1:$port" @($originUrl)
            Assert ($plain -eq $wholeAnswer) "a plain request gave $plain"
            $tunnel = Get-ThroughProxy "http://127.0.0.1:$port" @('-p', $originUrl)
            Assert ($tunnel -eq $wholeAnswer) "a tunnel gave $tunnel"
        } finally { if (-not $proxy.Process.HasExited) { $proxy.Process.Kill() } }
    }
    Test-Case 'httpproxy: a client that is not allowed gets 403, an allowed one is served' {
        $own = Get-NetIPAddress -AddressFamily IPv4 -ErrorAction SilentlyContinue |
            Where-Object { $_.IPAddress -notlike '127.*' -and $_.IPAddress -notlike '169.254.*' } |
            Select-Object -First 1
        if ($null -eq $own) { return 'skip: this machine has no address but loopback' }
        foreach ($case in @(@('192.0.2.0/24', '403'), @("$($own.IPAddress)/32", '200'))) {
            $port = Get-FreePort
            $proxy = Start-Proxy @('--addr', ":$port", '--allowed-cidr', $case[0]) $port
            try {
                $answer = Get-ThroughProxy "http://$($own.IPAddress):$port" @("http://$($own.IPAddress):$originPort/")
                Assert ($answer.StartsWith($case[1] + ' ')) "with --allowed-cidr $($case[0]) the answer was $answer"
            } finally { if (-not $proxy.Process.HasExited) { $proxy.Process.Kill() } }
        }
    }
    Test-Case 'httpproxy: a port in use is exit code 1' {
        $result = Invoke-Tool (Get-Tool 'httpproxy') @('--addr', "127.0.0.1:$originPort")
        Assert-Code $result 1
    }
    foreach ($console in @(@('Ctrl-C', 0), @('Ctrl-Break', 1))) {
        Test-Case "console: $($console[0]) drains and ends with 0" {
            $port = Get-FreePort
            $proxy = Start-Proxy @('--addr', "127.0.0.1:$port") $port
            Send-ConsoleEvent $proxy.Process.Id $console[1]
            $result = Wait-Tool $proxy 20
            Assert-Code $result 0
            Assert ($result.Err -match 'stopping') "it printed: $($result.Err)"
        }
    }
}

function Test-Service {
    $service = $unique
    $port = Get-FreePort
    $second = Get-FreePort
    $config = Join-Path $work 'service.yaml'
    $setting = "services: {edge: {feature: httpproxy, settings: {addr: ['127.0.0.1:PORT']}}}`nlog: {root: '$logs'}`n"
    $sc = Join-Path $env:SystemRoot 'System32\sc.exe'
    $line = '"{0}" run --config "{1}" --name acceptance' -f (Get-Tool 'k2s'), $config

    Write-Text $config ($setting.Replace('PORT', "$port"))
    $created = Invoke-Tool $sc @('create', $service, 'binPath=', $line, 'start=', 'demand')
    if ($created.Code -ne 0) {
        Test-Case 'service: sc create' { throw $created.Out }
        return
    }
    try {
        Test-Case 'service: sc start; running, serving, asked by host status' {
            Assert-Code (Invoke-Tool $sc @('start', $service)) 0
            Wait-Until 60 'the state RUNNING' { (Get-Service $service).Status -eq 'Running' }
            $answer = Get-ThroughProxy "http://127.0.0.1:$port" @($originUrl)
            Assert ($answer -eq $wholeAnswer) "a request gave $answer"
            $status = Invoke-Tool (Get-Tool 'k2s') @('host', 'status', '--name', 'acceptance', '--format', 'json')
            Assert-Code $status 0
            Assert (($status.Out | ConvertFrom-Json).state -eq 'running') $status.Out
        }
        Test-Case 'service: a second start is refused while it runs' {
            Assert-Code (Invoke-Tool $sc @('start', $service)) 1056
        }
        Test-Case 'service: paramchange reloads' {
            Write-Text $config ($setting.Replace('PORT', "$second"))
            Assert-Code (Invoke-Tool $sc @('control', $service, 'paramchange')) 0
            Wait-Until 20 'the listening on the new port' { Test-Port $second }
            Assert (-not (Test-Port $port)) 'the old port is still open'
        }
        Test-Case 'service: sc stop drains; exit code 0' {
            Assert-Code (Invoke-Tool $sc @('stop', $service)) 0
            Wait-Until 60 'the state STOPPED' { (Get-Service $service).Status -eq 'Stopped' }
            $query = Invoke-Tool $sc @('query', $service)
            Assert ($query.Out -match 'WIN32_EXIT_CODE\s*:\s*0 ') $query.Out
            Assert (-not (Test-Port $second)) 'the port is still open'
        }
        Test-Case 'service: a port in use is reported as service-specific exit code 1' {
            Write-Text $config ($setting.Replace('PORT', "$originPort"))
            [void] (Invoke-Tool $sc @('start', $service))
            Wait-Until 60 'the state STOPPED' { (Get-Service $service).Status -eq 'Stopped' }
            $query = Invoke-Tool $sc @('query', $service)
            Assert ($query.Out -match 'WIN32_EXIT_CODE\s*:\s*1066') $query.Out
            Assert ($query.Out -match 'SERVICE_EXIT_CODE\s*:\s*1 ') $query.Out
        }
    } finally {
        [void] (Invoke-Tool $sc @('stop', $service))
        Start-Sleep -Seconds 1
        $deleted = Invoke-Tool $sc @('delete', $service)
        Test-Case 'service: sc delete' { Assert-Code $deleted 0 }
    }
}

function Test-Access {
    $users = '*S-1-5-32-545'
    foreach ($target in @($plugins, (Join-Path $plugins 'storage'), (Join-Path $plugins 'storage\storage.dll'))) {
        Test-Case "access: $($target.Substring($root.Length)) that users may change is refused" {
            Assert-Code (Invoke-Tool (Get-Tool 'yaml2json') @() 'a: 1') 0
            & icacls.exe $target /grant "${users}:(M)" | Out-Null
            try {
                $result = Invoke-Tool (Get-Tool 'yaml2json') @() 'a: 1'
                Assert-Code $result 5
                Assert ($result.Err -match "'Users'") "it printed: $($result.Err)"
            } finally { & icacls.exe $target /reset | Out-Null }
            Assert-Code (Invoke-Tool (Get-Tool 'yaml2json') @() 'a: 1') 0
        }
    }
    $library = Join-Path $plugins 'storage\storage.dll'
    $spare = Join-Path $work 'storage.spare'
    Copy-Item -LiteralPath $library -Destination $spare
    Test-Case 'plugins: a truncated library is refused, others work' {
        [IO.File]::WriteAllBytes($library, [byte[]]([IO.File]::ReadAllBytes($spare)[0..99]))
        $result = Invoke-Tool (Get-Tool 'yaml2json') @() 'a: 1'
        Assert ($result.Code -ne 0 -and $result.Err -match 'storage\.dll') "code $($result.Code): $($result.Err)"
        Assert-Code (Invoke-Tool (Get-Tool 'k2s') @('httpproxy', '--help')) 0
    }
    Test-Case 'plugins: a library that is no plugin is refused' {
        Copy-Item -LiteralPath (Join-Path $env:SystemRoot 'System32\version.dll') -Destination $library -Force
        $result = Invoke-Tool (Get-Tool 'yaml2json') @() 'a: 1'
        Assert-Code $result 5 # the installed tree enforces signatures
        Assert ($result.Err -match 'not trusted') "it printed: $($result.Err)"
    }
    Test-Case 'plugins: the right library is accepted again' {
        Copy-Item -LiteralPath $spare -Destination $library -Force
        Assert-Code (Invoke-Tool (Get-Tool 'yaml2json') @() 'a: 1') 0
    }
}

function Get-Answer([string[]] $Arguments) {
    $result = Invoke-Tool (Get-Tool 'k2s') ($Arguments + @('--format', 'json'))
    Assert-Code $result 0
    return $result.Out | ConvertFrom-Json
}

function Test-Trust {
    $folder = Join-Path $plugins 'storage'
    $spare = Join-Path $work 'storage-spare'
    Copy-Item -LiteralPath $folder -Destination $spare -Recurse
    Test-Case 'trust: what the installation signed is trusted' {
        Assert ((Get-Answer @('plugin', 'verify', 'storage')).trusted) 'storage is not trusted'
    }
    Test-Case 'trust: a changed library, manifest or signature is refused with 5' {
        foreach ($name in 'storage.dll', 'plugin.json', 'plugin.json.sig') {
            $file = Join-Path $folder $name
            [IO.File]::AppendAllText($file, ' ')
            Assert-Code (Invoke-Tool (Get-Tool 'yaml2json') @() 'a: 1') 5
            Copy-Item -LiteralPath (Join-Path $spare $name) -Destination $file -Force
            Assert-Code (Invoke-Tool (Get-Tool 'yaml2json') @() 'a: 1') 0
        }
    }
    $key = Join-Path $work 'vendor.key'
    Test-Case 'trust: a private key is for its owner, SYSTEM and administrators' {
        [void] (Get-Answer @('plugin', 'keygen', $key))
        foreach ($rule in (Get-Acl -LiteralPath $key).Access) {
            $who = $rule.IdentityReference.Translate([Security.Principal.SecurityIdentifier]).Value
            Assert ($who -eq 'S-1-5-18' -or $who -eq 'S-1-5-32-544' -or $who -eq $identity.Identity.User.Value) "$($rule.IdentityReference) may read it"
        }
    }
    Test-Case 'trust: a vendor is trusted once the key is added, and no more when it is removed' {
        $signed = Get-Answer @('plugin', 'sign', $folder, '--key', $key)
        try {
            Assert-Code (Invoke-Tool (Get-Tool 'yaml2json') @() 'a: 1') 5
            [void] (Get-Answer @('plugin', 'trust', 'add', "$key.pub", '--owner', 'ACME', '--prefix', 'storage'))
            Assert-Code (Invoke-Tool (Get-Tool 'yaml2json') @() 'a: 1') 0
            [void] (Get-Answer @('plugin', 'trust', 'remove', $signed.key))
            Assert-Code (Invoke-Tool (Get-Tool 'yaml2json') @() 'a: 1') 5
        } finally { Copy-Item -Path "$spare\*" -Destination $folder -Force }
        Assert-Code (Invoke-Tool (Get-Tool 'yaml2json') @() 'a: 1') 0
    }
}

function Start-Host([string[]] $Arguments) {
    $job = Start-Tool (Get-Tool 'k2s') (@('run', '--name', $unique) + $Arguments)
    Wait-Until 30 'the start of the host' {
        (Invoke-Tool (Get-Tool 'k2s') @('host', 'status', '--name', $unique)).Code -eq 0
    }
    return $job
}

function Stop-Host($Job) {
    Assert-Code (Invoke-Tool (Get-Tool 'k2s') @('host', 'stop', '--name', $unique)) 0
    Assert-Code (Wait-Tool $Job 60) 0
}

function Test-Install {
    $folder = Join-Path $plugins 'networking'
    $file = Join-Path $work 'networking.k2splugin'
    $config = Join-Path $work 'install.json'
    $port = Get-FreePort
    Test-Case 'install: a plugin from its archive serves in a running host at once' {
        [void] (Get-Answer @('plugin', 'pack', $folder, '-o', $file))
        Remove-Item -LiteralPath $folder -Recurse
        Write-Text $config '{}'
        $job = Start-Host @('--config', $config)
        Write-Text $config ('{"services": {"edge": {"feature": "httpproxy", "settings": {"addr": ["127.0.0.1:PORT"]}}}}').Replace('PORT', "$port")
        Assert ((Get-Answer @('plugin', 'install', $file)).running_host -match $unique) 'the host was not told'
        Assert ((Get-ThroughProxy "http://127.0.0.1:$port" @($originUrl)) -eq $wholeAnswer) 'no answer through the proxy'
        Write-Text $config '{}'
        $left = Get-Answer @('plugin', 'uninstall', 'networking') # whose library is mapped
        Assert ($left.version -eq 'none') 'it is still installed'
        Assert (-not (Test-Port $port)) 'the proxy still listens'
        Stop-Host $job
    }
    Test-Case 'install: what a host had mapped goes with the next change' {
        [void] (Get-Answer @('plugin', 'install', $file))
        [void] (Get-Answer @('plugin', 'uninstall', 'networking'))
        Assert (-not (Test-Path -LiteralPath $folder)) "'$folder' is still there"
        [void] (Get-Answer @('plugin', 'install', $file)) # for the cases that follow
    }
}

function Test-Isolation {
    $port = Get-FreePort
    $config = Join-Path $work 'isolated.json'
    Write-Text $config ('{"services": {"edge": {"feature": "httpproxy", "isolation": "process", "settings": ' +
        '{"addr": ["127.0.0.1:PORT"]}}}, "plugins": {"networking": {"worker": {"memory_mb": 256, "processes": 0}}}}').Replace('PORT', "$port")
    Test-Case 'isolation: a worker serves, is limited, comes back after a crash and ends with its host' {
        $job = Start-Host @('--config', $config)
        $worker = { (Get-Answer @('host', 'status', '--name', $unique)).services[0].worker }
        $first = (& $worker).pid
        Assert ($first -ne $job.Process.Id) 'it is no process of its own'
        Assert ((Get-ThroughProxy "http://127.0.0.1:$port" @($originUrl)) -eq $wholeAnswer) 'no answer through the proxy'
        Stop-Process -Id $first -Force
        Wait-Until 20 'the restart of the worker' {
            $now = & $worker
            $now.state -eq 'running' -and $now.pid -ne $first
        }
        Assert ((Get-ThroughProxy "http://127.0.0.1:$port" @($originUrl)) -eq $wholeAnswer) 'no answer after the crash'
        $second = (& $worker).pid
        $job.Process.Kill()
        Wait-Until 20 'the end of the worker' { $null -eq (Get-Process -Id $second -ErrorAction SilentlyContinue) }
    }
}

function Test-Logs {
    Test-Case 'logs: rotation keeps sizes, count and whole lines' {
        $config = Join-Path $work 'logs.yaml'
        Write-Text $config "log: {max_bytes: 32768, files: 3}`n"
        $port = Get-FreePort
        $proxy = Start-Proxy @('--addr', "127.0.0.1:$port", '--verbose', '--config', $config) $port
        & curl.exe -s -m 120 -o NUL -x "http://127.0.0.1:$port" ($originUrl + '[1-400]')
        Send-ConsoleEvent $proxy.Process.Id 0
        Assert-Code (Wait-Tool $proxy 20) 0
        $folder = Join-Path $logs 'httpproxy'
        foreach ($part in 'httpproxy.log', 'httpproxy.log.1', 'httpproxy.log.2', 'httpproxy.log.3') {
            $file = Join-Path $folder $part
            Assert (Test-Path -LiteralPath $file) "$part is missing"
            Assert ((Get-Item -LiteralPath $file).Length -le 32768) "$part is too long"
            foreach ($record in [IO.File]::ReadAllLines($file)) { [void] ($record | ConvertFrom-Json) }
        }
        Assert (-not (Test-Path -LiteralPath (Join-Path $folder 'httpproxy.log.4'))) 'there are too many parts'
    }
    Test-Case 'logs: 40 processes at the same time lose no record' {
        $file = Join-Path $logs 'yaml2json\yaml2json.log'
        if (Test-Path -LiteralPath $file) { Remove-Item -LiteralPath $file }
        Write-Text (Join-Path $work 'two.yaml') "a: 1`n---`nb: 2`n"
        $jobs = @(1..40 | ForEach-Object {
                Start-Tool (Get-Tool 'yaml2json') @('-input', (Join-Path $work 'two.yaml'), '-output', (Join-Path $work "two$_.json"))
            })
        foreach ($job in $jobs) { Assert-Code (Wait-Tool $job 60) 0 }
        $lines = [IO.File]::ReadAllLines($file)
        Assert ($lines.Count -eq 40) "$($lines.Count) records instead of 40"
        foreach ($record in $lines) { [void] ($record | ConvertFrom-Json) }
    }
}

function Test-Seed {
    $seed = Join-Path $work 'seed'
    $image = Join-Path $work 'seed.iso'
    [void] (New-Item -ItemType Directory -Path $seed)
    Write-Text (Join-Path $seed 'user-data') "#cloud-config`nhostname: node1`n"
    Write-Text (Join-Path $seed 'meta-data') "instance-id: node1-1`nlocal-hostname: node1`n"
    $arguments = @('-sourceDir', $seed, '-targetFilePath', $image)
    Test-Case 'cloudinitisobuilder: Windows mounts the image, label and files are right' {
        Assert-Code (Invoke-Tool (Get-Tool 'cloudinitisobuilder') $arguments) 0
        $disk = Mount-DiskImage -ImagePath $image -PassThru
        try {
            $volume = $disk | Get-Volume
            Assert ($volume.FileSystemLabel -eq 'cidata') "the label is $($volume.FileSystemLabel)"
            $data = [IO.File]::ReadAllText("$($volume.DriveLetter):\user-data")
            Assert ($data -eq "#cloud-config`nhostname: node1`n") "user-data is: $data"
        } finally { [void] (Dismount-DiskImage -ImagePath $image) }
    }
    foreach ($kind in 'SymbolicLink', 'Junction') {
        Test-Case "cloudinitisobuilder: a $kind in the seed is refused, the old image stays" {
            $link = Join-Path $seed 'vendor-data'
            $to = Join-Path $work 'secret'
            if (Test-Path -LiteralPath $to) { Remove-Item -LiteralPath $to -Recurse }
            if ($kind -eq 'Junction') { [void] (New-Item -ItemType Directory -Path $to) } else { Write-Text $to "#cloud-config`n" }
            $before = (Get-FileHash -LiteralPath $image).Hash
            [void] (New-Item -ItemType $kind -Path $link -Value $to)
            try {
                $result = Invoke-Tool (Get-Tool 'cloudinitisobuilder') $arguments
                Assert ($result.Code -ne 0 -and $result.Err -match 'vendor-data') "code $($result.Code): $($result.Err)"
                Assert ((Get-FileHash -LiteralPath $image).Hash -eq $before) 'the image was changed'
            } finally {
                # Remove-Item would follow a junction in Windows PowerShell 5.1.
                if ($kind -eq 'Junction') { [IO.Directory]::Delete($link) } else { [IO.File]::Delete($link) }
            }
            Assert-Code (Invoke-Tool (Get-Tool 'cloudinitisobuilder') $arguments) 0
        }
    }
}

function Test-Wincat {
    Test-Case 'wincat: a reset is an error' {
        $listener = New-Object Net.Sockets.TcpListener ([Net.IPAddress]::Loopback, 0)
        $listener.Start()
        try {
            $port = $listener.LocalEndpoint.Port
            $job = Start-Tool (Get-Tool 'wincat') @('127.0.0.1', "$port") # its standard input stays open
            $peer = $listener.AcceptTcpClient()
            $peer.LingerState = New-Object Net.Sockets.LingerOption ($true, 0)
            $peer.Close()
            $result = Wait-Tool $job 60
        } finally { $listener.Stop() }
        Assert-Code $result 1
        Assert ($result.Err -match "127\.0\.0\.1:$port") "it said: $($result.Err)"
    }
}

function Test-Image {
    $folder = Join-Path $work 'image'
    $store = Join-Path $folder 'store'
    [void] (New-Item -ItemType Directory -Path $folder)
    Write-Text (Join-Path $folder 'file') 'content'
    $build = @('image', 'build', '--platform', 'linux/amd64', '--add', "$folder\file:/bin/file", '-t', 'x:1', '--store')
    Test-Case 'image: a store whose paths are long; export and import' {
        $deep = $folder
        foreach ($level in 1..6) { $deep = Join-Path $deep ('s' * 40) }
        Assert-Code (Invoke-Tool (Get-Tool 'k2s') ($build + $deep)) 0
        Assert-Code (Invoke-Tool (Get-Tool 'k2s') @('image', 'verify', '--store', $deep)) 0
        Assert-Code (Invoke-Tool (Get-Tool 'k2s') @('image', 'export', 'x:1', "$folder\x.tar", '--store', $deep)) 0
        Assert-Code (Invoke-Tool (Get-Tool 'k2s') @('image', 'import', "$folder\x.tar", '--verify', '--store', $store)) 0
    }
    Test-Case 'image: a layer that somebody holds open is built again' {
        $layer = Get-ChildItem -LiteralPath "$store\blobs\sha256" | Sort-Object Length | Select-Object -First 1
        $held = [IO.File]::Open($layer.FullName, 'Open', 'Read', 'Read')
        try { Assert-Code (Invoke-Tool (Get-Tool 'k2s') ($build + $store)) 0 } finally { $held.Close() }
        Assert-Code (Invoke-Tool (Get-Tool 'k2s') @('image', 'verify', '--store', $store)) 0
    }
    Test-Case 'image: symbolic links stay links, junctions are refused' {
        $tree = Join-Path $folder 'tree'
        [void] (New-Item -ItemType Directory -Path $tree)
        Write-Text (Join-Path $tree 'file') 'content'
        [void] (New-Item -ItemType SymbolicLink -Path (Join-Path $tree 'link') -Value 'file')
        $add = @('image', 'build', '--platform', 'linux/amd64', '--add', "${tree}:/tree", '-t', 'l:1', '--store', $store)
        Assert-Code (Invoke-Tool (Get-Tool 'k2s') $add) 0
        $junction = Join-Path $tree 'junction'
        [void] (New-Item -ItemType Junction -Path $junction -Value $store)
        $result = Invoke-Tool (Get-Tool 'k2s') $add
        [IO.Directory]::Delete($junction) # Remove-Item would follow it in Windows PowerShell 5.1
        Assert-Code $result 2
        Assert ($result.Err -match 'junction') "it said: $($result.Err)"
    }
    Test-Case 'image: a build that is killed leaves the store whole' {
        $big = New-Object IO.FileStream ((Join-Path $folder 'big'), [IO.FileMode]::Create)
        $big.SetLength(512MB)
        $big.Close()
        $job = Start-Tool (Get-Tool 'k2s') @('image', 'build', '--add', "$folder\big:/big", '--compression', 'none', '-t', 'b:1', '--store', $store)
        Wait-Until 60 'the layer to begin' { @(Get-ChildItem -LiteralPath "$store\.k2s\ingest").Count -gt 0 }
        $job.Process.Kill()
        $job.Process.WaitForExit()
        Assert-Code (Invoke-Tool (Get-Tool 'k2s') @('image', 'verify', '--store', $store)) 0
        Assert-Code (Invoke-Tool (Get-Tool 'k2s') @('image', 'prune', '--store', $store)) 0
        Assert (@(Get-ChildItem -LiteralPath "$store\.k2s\ingest").Count -eq 0) 'half a layer stayed'
    }
}

function Test-Zap {
    $store = Join-Path $work 'zap'
    $outside = Join-Path $store 'outside'
    $layer = Join-Path $store 'layer'
    $zap = { param($Folder) Invoke-Tool (Get-Tool 'zap') @('-root', $store, '-wait', '300ms', '-folder', $Folder) }
    $make = {
        [void] (New-Item -ItemType Directory -Force -Path $outside, "$layer\Files")
        Write-Text "$outside\kept" 'content'
        Write-Text "$layer\Files\file" 'content'
    }
    Test-Case 'zap: junctions and links below go, what they lead to stays' {
        & $make
        [void] (New-Item -ItemType Junction -Path "$layer\Files\junction" -Value $outside)
        [void] (New-Item -ItemType SymbolicLink -Path "$layer\Files\link" -Value $outside)
        Assert-Code (& $zap $layer) 0
        Assert (-not (Test-Path -LiteralPath $layer)) 'the layer is there'
        Assert ([IO.File]::Exists("$outside\kept")) 'zap went through a link'
    }
    Test-Case 'zap: a folder that is a junction itself is refused' {
        & $make
        [void] (New-Item -ItemType Junction -Path "$store\way" -Value $layer)
        try { Assert-Code (& $zap "$store\way") 5 } finally { [IO.Directory]::Delete("$store\way") }
        Assert ([IO.File]::Exists("$layer\Files\file")) 'zap went through the junction'
    }
    Test-Case 'zap: a layer with a file that is being written is refused whole, its writer named' {
        & $make
        $writer = [IO.File]::Open("$layer\Files\file", 'Open', 'Write', 'Read')
        try {
            $result = & $zap $layer
            Assert-Code $result 1
            Assert ($result.Err -match "process $PID") "it said: $($result.Err)"
            Assert ([IO.File]::Exists("$layer\Files\file")) 'the file is gone'
        } finally { $writer.Close() }
        Assert-Code (& $zap $layer) 0
    }
}

# A CNI plugin as a runtime calls it.
function Start-Cni([string] $Name, [string] $Command, [string] $Container, [string] $Netns, [string] $Config) {
    $variables = @{
        CNI_COMMAND = $Command; CNI_CONTAINERID = $Container; CNI_NETNS = $Netns; CNI_IFNAME = 'eth0'; CNI_PATH = $bin
    }
    foreach ($variable in $variables.Keys) { Set-Item -Path "Env:$variable" -Value $variables[$variable] }
    try {
        $job = Start-Tool (Get-Tool $Name) @()
        Send-Input $job $Config
        return $job
    } finally {
        foreach ($variable in $variables.Keys) { Remove-Item -Path "Env:$variable" }
    }
}

function Invoke-Cni([string] $Name, [string] $Command, [string] $Container, [string] $Netns, [string] $Config) {
    return Wait-Tool (Start-Cni $Name $Command $Container $Netns $Config) 60
}

function Test-Cni {
    $data = (Join-Path $work 'ipam') -replace '\\', '/'
    $range = '{"type": "host-local", "subnet": "10.254.77.0/24", "dataDir": "' + $data + '"}'
    $config = '{"cniVersion": "1.0.0", "name": "k2sacc", "type": "nat", "ipam": ' + $range + '}'
    $reserved = { @(Get-ChildItem -LiteralPath (Join-Path $data 'k2sacc') -Filter '10.254.77.*' -ErrorAction SilentlyContinue).Count }
    foreach ($name in 'bridge', 'host-local') {
        Test-Case "cni: $name says its versions" {
            $result = Invoke-Cni $name 'VERSION' '' '' ''
            Assert-Code $result 0
            Assert (($result.Out | ConvertFrom-Json).supportedVersions -contains '1.1.0') "it printed: $($result.Out)"
        }
    }
    Test-Case 'cni: host-local, 20 calls at once' {
        $jobs = foreach ($number in 1..20) { Start-Cni 'host-local' 'ADD' "pod$number" 'none' $config }
        $given = foreach ($job in $jobs) {
            $result = Wait-Tool $job 60
            Assert-Code $result 0
            ($result.Out | ConvertFrom-Json).ips[0].address
        }
        Assert (@($given | Sort-Object -Unique).Count -eq 20) "addresses: $given"
        Assert ((& $reserved) -eq 20) "there are $(& $reserved) reservations"
        foreach ($number in 1..20) { Assert-Code (Invoke-Cni 'host-local' 'DEL' "pod$number" 'none' $config) 0 }
        Assert ((& $reserved) -eq 0) "$(& $reserved) reservations are left over"
    }
    Test-Case 'cni: bridge plugs a namespace into a NAT network and out again' {
        if (-not (Get-Command Get-HnsNetwork -ErrorAction SilentlyContinue)) { return 'skip: the feature Containers is not there' }
        Add-Type -Namespace K2s -Name Hcn -MemberDefinition '
[DllImport("computenetwork.dll", CharSet = CharSet.Unicode)]
public static extern int HcnCreateNamespace(ref Guid id, string settings, out IntPtr handle, out IntPtr error);
[DllImport("computenetwork.dll")] public static extern int HcnCloseNamespace(IntPtr handle);
[DllImport("computenetwork.dll")] public static extern int HcnDeleteNamespace(ref Guid id, out IntPtr error);'
        $id = [Guid]::NewGuid()
        $handle = [IntPtr]::Zero
        $problem = [IntPtr]::Zero
        $made = [K2s.Hcn]::HcnCreateNamespace([ref] $id, '{"Type": "Host", "SchemaVersion": {"Major": 2, "Minor": 0}}', [ref] $handle, [ref] $problem)
        Assert ($made -eq 0) ('HcnCreateNamespace: 0x{0:x8}' -f $made)
        [void] [K2s.Hcn]::HcnCloseNamespace($handle)
        try {
            Assert-Code (Invoke-Cni 'bridge' 'STATUS' '' '' ($config -replace '1\.0\.0', '1.1.0')) 0
            $added = Invoke-Cni 'bridge' 'ADD' 'pod' "$id" $config
            Assert-Code $added 0
            Assert (($added.Out | ConvertFrom-Json).ips[0].address -like '10.254.77.*/24') "it printed: $($added.Out)"
            $again = Invoke-Cni 'bridge' 'ADD' 'pod' "$id" $config
            Assert ($again.Out -eq $added.Out) "the second time it printed: $($again.Out)"
            $checked = $config.Substring(0, $config.Length - 1) + ', "prevResult": ' + $added.Out + '}'
            Assert-Code (Invoke-Cni 'bridge' 'CHECK' 'pod' "$id" $checked) 0
            Assert (@(Get-HnsEndpoint | Where-Object { $_.Name -eq 'pod_k2sacc' }).Count -eq 1) 'there is no endpoint'
            foreach ($time in 1, 2) { Assert-Code (Invoke-Cni 'bridge' 'DEL' 'pod' "$id" $config) 0 }
            Assert (@(Get-HnsEndpoint | Where-Object { $_.Name -eq 'pod_k2sacc' }).Count -eq 0) 'the endpoint is left over'
            Assert ((& $reserved) -eq 0) 'the address is left over'
        } finally {
            [void] [K2s.Hcn]::HcnDeleteNamespace([ref] $id, [ref] $problem)
            Get-HnsNetwork | Where-Object { $_.Name -eq 'k2sacc' } | Remove-HnsNetwork
        }
    }
    Test-Case 'cni: bridge without HNS says so' {
        if (Get-Service -Name hns -ErrorAction SilentlyContinue) { return 'skip: the Host Network Service is there' }
        $result = Invoke-Cni 'bridge' 'STATUS' '' '' ($config -replace '1\.0\.0', '1.1.0')
        Assert-Code $result 1
        Assert (($result.Out | ConvertFrom-Json).code -eq 50) "it printed: $($result.Out)"
    }
}

function Test-Network {
    $folder = Join-Path $work 'network'
    Test-Case 'network: the plan, a check and a dry run' {
        $plan = Invoke-Tool (Get-Tool 'k2s') @('network', 'plan', '--format', 'json')
        Assert-Code $plan 0
        Assert (($plan.Out | ConvertFrom-Json).routes.Count -gt 0) "it printed: $($plan.Out)"
        foreach ($arguments in @('check'), @('apply', '--dry-run'), @('show')) {
            $result = Invoke-Tool (Get-Tool 'k2s') (@('network') + $arguments + @('--folder', $folder, '--format', 'json'))
            Assert (@(0, 8) -contains $result.Code) "$arguments ended with $($result.Code): $($result.Err)"
            Assert (($result.Out | ConvertFrom-Json).Count -gt 0) "$arguments printed: $($result.Out)"
        }
        Assert (-not (Test-Path -LiteralPath $folder)) 'a dry run has made something'
    }
    Test-Case 'vfprules: a backend is chosen, or said to be missing' {
        $rules = Join-Path $work 'vfprules.json'
        Write-Text $rules '{"routes": [{"name": "far", "subnet": "198.51.100.0/24", "gateway": "203.0.113.254", "priority": "200"}]}'
        $result = Invoke-Tool (Get-Tool 'vfprules') @('-portid', [Guid]::NewGuid().ToString(), '-rules', $rules, '-dry-run')
        $there = Test-Path -LiteralPath (Join-Path $env:SystemRoot 'System32\vfpctrl.exe')
        Assert ($result.Code -eq $(if ($there) { 8 } else { 4 })) "code $($result.Code): $($result.Out)$($result.Err)"
    }
}

# ---- run ---------------------------------------------------------------------------------------

try {
    [void] (New-Item -ItemType Directory -Path $work, $logs)
    Copy-Item -LiteralPath $Tree -Destination $root -Recurse
    Test-Exes
    Test-Paths
    Test-Proxy
    Test-Service
    Test-Access
    Test-Trust
    Test-Install
    Test-Isolation
    Test-Logs
    Test-Seed
    Test-Wincat
    Test-Image
    Test-Zap
    Test-Cni
    Test-Network
} finally {
    foreach ($job in @($running)) { if (-not $job.Process.HasExited) { $job.Process.Kill() } }
    Stop-Job $origin
    Remove-Job $origin -Force
    if ($Keep) { Write-Host "kept: $work" } else { & cmd.exe /c "rmdir /s /q ""\\?\$work""" }
}
Write-Host "$script:passed passed, $script:failed failed, $script:skipped skipped"
if ($script:failed -gt 0 -or $script:passed -eq 0) { exit 1 }
exit 0
